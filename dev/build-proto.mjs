// Makes src/cloud-foundry/decode/generated/ from proto/, where it is missing or older. Plain JavaScript: npm runs it as `prepare`.
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { promisify } from 'node:util'

process.chdir(new URL('..', import.meta.url).pathname)

const folder = 'src/cloud-foundry/decode/generated'
const names = ['envelope', 'loggregator']
const unused = ['create', 'verify', 'convert', 'delimited', 'typeurl', 'service'].map((part) => `--no-${part}`)
const options = ['--target', 'static-module', '--wrap', 'esm', '--dts', '--keep-case', '--force-long', ...unused]

const modifiedMs = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0

const outdated = names
  .map((name) => ({ name, proto: `proto/${name}.proto`, module: `${folder}/${name}.js` }))
  .filter(({ proto, module }) => modifiedMs(module) < modifiedMs(proto))

// Without the development dependencies (on a platform that runs what was built) there is nothing to make, and nothing to make it with.
if (existsSync('node_modules/protobufjs-cli') && outdated.length > 0) {
  const { default: pbjs } = await import('protobufjs-cli/pbjs.js')
  mkdirSync(folder, { recursive: true })
  for (const { name, proto, module } of outdated) await promisify(pbjs.main)([...options, '--root', name, '--out', module, proto])
}
