import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
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

/** The positions that were saved: none where there is no file. Throws where the file cannot be read, or is not what {@link savePositions} writes. */
export async function loadPositions(file: string): Promise<Positions> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw error
  }
  const saved: unknown = JSON.parse(text)
  const containers = valueAt(saved, 'containers')
  if (valueAt(saved, 'format') !== FORMAT || typeof containers !== 'object')
    throw new Error(`${file}: expected positions of format ${FORMAT}`)
  return new Map(Object.entries(containers as object).map(([id, value]) => [id, positionOf(value)]))
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
  return value === undefined ? undefined : { timeNs: timeOf(value), count: Number(valueAt(value, 'count')) }
}

const timeOf = (value: unknown) => BigInt(String(valueAt(value, 'timeNs')))
