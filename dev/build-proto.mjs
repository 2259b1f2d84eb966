// Makes src/cloud-foundry/decode/generated/ from proto/, where it is missing or older. Plain JavaScript: npm runs it as `prepare`.
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { promisify } from 'node:util'

process.chdir(new URL('..', import.meta.url).pathname)

const proto = 'proto/envelope.proto'
const module = 'src/cloud-foundry/decode/generated/envelope.js'
const unused = ['create', 'verify', 'convert', 'delimited', 'typeurl', 'service'].map((part) => `--no-${part}`)
const options = ['--target', 'static-module', '--wrap', 'esm', '--dts', '--keep-case', '--force-long', ...unused]

const modifiedMs = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0

// Without the development dependencies (on a platform that runs what was built) there is nothing to make, and nothing to make it with.
if (existsSync('node_modules/protobufjs-cli') && modifiedMs(module) < modifiedMs(proto)) {
  const { default: pbjs } = await import('protobufjs-cli/pbjs.js')
  mkdirSync('src/cloud-foundry/decode/generated', { recursive: true })
  await promisify(pbjs.main)([...options, '--out', module, proto])
}
