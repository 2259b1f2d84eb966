import { open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errorText } from '../../../lib/error-text.ts'
import { valueAt } from '../../../lib/value-at.ts'
import type { Container } from '../inventory/container.ts'
import type { Cursor } from './resume.ts'

/** Where a container's log was left: its time in the order of delivery, and a cursor for each stream that has one. */
export interface Position {
  readonly timeNs: bigint
  readonly stdout?: Cursor
  readonly stderr?: Cursor
  /** The run that had ended when this was its log's end, as {@link Container.endedRun} names it. */
  readonly end?: string
}

/** By the container's id. */
export type Positions = ReadonlyMap<string, Position>

const FORMAT = 1

/** In the folder CFMR_STATE. */
export const positionsFile = (folder: string) => join(folder, 'docker.json')

/** The file is not what {@link savePositions} writes. */
export class DamagedPositions extends Error {
  override readonly name = 'DamagedPositions'
}

/** The positions that were saved: none where there is no file. Throws where the file cannot be read; {@link DamagedPositions} where it makes no sense. */
export async function loadPositions(file: string): Promise<Positions> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw error
  }
  try {
    return positionsOf(JSON.parse(text))
  } catch (cause) {
    throw new DamagedPositions(`${file}: ${errorText(cause)}`, { cause })
  }
}

function positionsOf(saved: unknown): Positions {
  const containers = valueAt(saved, 'containers')
  if (valueAt(saved, 'format') !== FORMAT || typeof containers !== 'object' || containers === null)
    throw new Error(`expected positions of format ${FORMAT}`)
  return new Map(Object.entries(containers).map(([id, value]) => [id, positionOf(value)]))
}

/** What is saved of them. */
export function positionsText(positions: Positions): string {
  const containers = Object.fromEntries(positions)
  return JSON.stringify({ format: FORMAT, containers }, (_, value) => (typeof value === 'bigint' ? String(value) : value))
}

/** Replaces the file as a whole: whoever is killed at any moment leaves the old one or the new one, on the disk. */
export async function savePositions(file: string, positions: Positions): Promise<void> {
  const partial = `${file}.partial`
  await writeThrough(partial, positionsText(positions))
  await rename(partial, file)
  const folder = await open(dirname(file), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function writeThrough(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function positionOf(value: unknown): Position {
  const [stdout, stderr] = [cursorOf(valueAt(value, 'stdout')), cursorOf(valueAt(value, 'stderr'))]
  const end = valueAt(value, 'end')
  return { timeNs: timeOf(value), ...(stdout && { stdout }), ...(stderr && { stderr }), ...(typeof end === 'string' && { end }) }
}

function cursorOf(value: unknown): Cursor | undefined {
  if (value === undefined) return undefined
  const count = valueAt(value, 'count')
  if (!Number.isSafeInteger(count)) throw new Error(`found the count ${JSON.stringify(count)}, expected a whole number`)
  return { timeNs: timeOf(value), count: count as number }
}

function timeOf(value: unknown): bigint {
  const timeNs = valueAt(value, 'timeNs')
  if (typeof timeNs !== 'string' || !/^-?\d{1,19}$/.test(timeNs))
    throw new Error(`found the time ${JSON.stringify(timeNs)}, expected ns since 1970`)
  return BigInt(timeNs)
}
