import { ago, bytes, count, duration, percent, UNKNOWN } from './format.ts'

/** What `data-as` in the page's HTML may say of a figure: the forms of `flow/shown.ts`, and some of the page's own. */
const forms: Record<string, (value: never, now: string) => string> = {
  count: (value: number) => count(value),
  bytes: (value: number) => bytes(value),
  duration: (value: number) => duration(value),
  /** 0 is of no write at all. */
  writeTime: (value: number) => (value === 0 ? UNKNOWN : duration(value)),
  percent: (value: number) => percent(value),
  text: (value: string | number) => String(value),
  word: (value: string) => value,
  list: (value: readonly string[]) => (value.length === 0 ? UNKNOWN : value.join(', ')),
  ago,
}

/** A value in its form: by what it is where none is given. `now` is the worker's time. */
export function formed(value: unknown, form: string | undefined, now: string): string {
  const as = form ?? (typeof value === 'string' ? 'text' : 'count')
  const isKnown = value !== null && value !== undefined
  return isKnown || as === 'ago' ? (forms[as]?.((value ?? null) as never, now) ?? UNKNOWN) : UNKNOWN
}
