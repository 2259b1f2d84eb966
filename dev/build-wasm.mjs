// Makes src/cloud-foundry/decode/generated/scan.wasm from scan.wat, where it is missing or older. Plain JavaScript: npm runs it as `prepare`.
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'

process.chdir(new URL('..', import.meta.url).pathname)

const source = 'src/cloud-foundry/decode/scan.wat'
const folder = 'src/cloud-foundry/decode/generated'
const module = `${folder}/scan.wasm`

const modifiedMs = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0

// Without the development dependencies (on a platform that runs what was built) there is nothing to make it with.
if (existsSync('node_modules/wabt') && modifiedMs(module) < modifiedMs(source)) {
  const { default: openWabt } = await import('wabt')
  const { parseWat } = await openWabt()
  const { buffer } = parseWat(source, readFileSync(source, 'utf8')).toBinary({})
  mkdirSync(folder, { recursive: true })
  // In one step: somebody may be reading it.
  writeFileSync(`${module}.new`, buffer)
  renameSync(`${module}.new`, module)
}
