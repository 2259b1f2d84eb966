import type { Records, RefusedRecord } from '../../flow/contracts.ts'

/**
 * The lines that an answer names as refused, in their order, each once. It knows three ways of naming:
 *
 * - 1.x and 2.x quote the text: `unable to parse 'LINE': REASON`, one a row;
 * - 3.x has a list `data` of `{ line_number, original_line, error_message }`, or a single one;
 * - 3.x's cloud relatives number them in words: `error parsing line 2 (1-based): REASON`, one a row.
 *
 * Lines have no newlines in them, so what a tag value says cannot begin a row. A name that fits no line sent is ignored.
 */
export function namedLines(text: string, json: unknown, sent: Records): readonly RefusedRecord[] {
  const reasons = new Map<number, string>()
  const name = (line: number, reason: string) => {
    if (!reasons.has(line)) reasons.set(line, reason)
  }
  quoted(text, sent, name)
  listed(json, sent, name)
  numbered(text, sent, name)
  return [...reasons].map(([record, reason]) => ({ record, reason })).sort((a, b) => a.record - b.record)
}

type Name = (line: number, reason: string) => void

/** Line `line` as text, without its newline. */
export function lineText(lines: Records, line: number): string {
  const { buffer, byteOffset, length } = lines.bytes
  return Buffer.from(buffer, byteOffset, length).toString('utf8', line === 0 ? 0 : lines.endOf(line - 1), lines.endOf(line) - 1)
}

const QUOTING = "unable to parse '"
/** A tag value may have `': ` in it too: the line's end is tried from the right, this often. */
const MOST_ENDS = 50

function quoted(text: string, sent: Records, name: Name): void {
  if (!text.includes(QUOTING)) return
  const byText = new Map<string, number[]>()
  for (let line = 0; line < sent.count; line++) {
    const spelling = lineText(sent, line)
    const equal = byText.get(spelling)
    if (equal === undefined) byText.set(spelling, [line])
    else equal.push(line)
  }
  for (const row of text.split('\n')) {
    const start = /^(?:.*?\bpartial write: )?unable to parse '/.exec(row)?.[0].length
    if (start === undefined) continue
    let end = row.lastIndexOf("'")
    for (let tries = 0; end >= start && tries < MOST_ENDS; tries++, end = row.lastIndexOf("'", end - 1)) {
      const lines = byText.get(row.slice(start, end))
      if (lines === undefined) continue
      const why = row.slice(end + 1).replace(/ dropped=\d+(?: for database: .*)?$/, '')
      for (const line of lines) name(line, `unable to parse${why}`)
      break
    }
  }
}

function listed(json: unknown, sent: Records, name: Name): void {
  const data = (json as { data?: unknown } | null | undefined)?.data
  for (const entry of Array.isArray(data) ? data : [data]) {
    if (typeof entry !== 'object' || entry === null) continue
    const { line_number, original_line, error_message } = entry as Record<string, unknown>
    const line = Number(line_number) - 1
    if (!isSent(line, sent)) continue
    if (typeof original_line === 'string' && !fits(original_line, lineText(sent, line))) continue
    name(line, typeof error_message === 'string' ? error_message : 'refused')
  }
}

/** The server renders the line anew and cuts it: only what comes before an escape or a quote is comparable. */
function fits(rendered: string, sent: string): boolean {
  const comparable = /^[^\\"]{0,60}/.exec(rendered)?.[0] ?? ''
  return sent.startsWith(comparable.slice(0, /[\\"]|$/.exec(sent)?.index))
}

function numbered(text: string, sent: Records, name: Name): void {
  for (const [, number, reason] of text.matchAll(/^error \w+ line (\d+) \(1-based\): (.*)$/gm)) {
    if (isSent(Number(number) - 1, sent)) name(Number(number) - 1, reason ?? '')
  }
  for (const [reason, number] of text.matchAll(/^timestamp overflows i64 on line (\d+) \(1-based\)/gm)) {
    if (isSent(Number(number) - 1, sent)) name(Number(number) - 1, reason)
  }
}

const isSent = (line: number, { count }: Records): boolean => Number.isInteger(line) && line >= 0 && line < count
