import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { scratchFolder } from '../../../../dev/scratch-folder.ts'
import { loadPositions, type Position, savePositions } from '../../../../src/inputs/docker/positions/positions-file.ts'

const position: Position = { timeNs: 1764241515123456789n, stderr: { timeNs: 1764241515123456788n, count: 3 } }

it('has what was saved last, to the nanosecond, and nothing else in the folder', async () => {
  const folder = scratchFolder('state')
  const file = join(folder, 'docker.json')
  expect(await loadPositions(file)).toEqual(new Map())
  await savePositions(file, new Map([['gone', position]]))
  await savePositions(file, new Map([['a', position]]))
  expect(await loadPositions(file)).toEqual(new Map([['a', position]]))
  expect(readdirSync(folder)).toEqual(['docker.json'])
})

it('keeps the old positions where the new ones cannot be written', async () => {
  const file = join(scratchFolder('state'), 'docker.json')
  await savePositions(file, new Map([['a', position]]))
  mkdirSync(`${file}.partial`)
  await expect(savePositions(file, new Map())).rejects.toThrow('EISDIR')
  expect(await loadPositions(file)).toEqual(new Map([['a', position]]))
})

it('takes no damaged file for an empty one', async () => {
  const file = join(scratchFolder('state'), 'docker.json')
  for (const text of ['', '{"format":1', '{"format":2,"containers":{}}', '{"format":1,"containers":{"a":{}}}']) {
    writeFileSync(file, text)
    await expect(loadPositions(file)).rejects.toThrow()
  }
})
