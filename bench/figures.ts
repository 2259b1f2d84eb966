export type Result = Readonly<Record<string, string | number | boolean>>

/** As one line of JSON, or a line a figure for people. */
export function printResult(result: Result, asJson: boolean): void {
  if (asJson) console.log(JSON.stringify(result))
  else for (const line of linesOf(result)) console.log(line)
}

/** In columns; the last is what is asked of a figure. */
export function linesOf(result: Result, floors: Readonly<Record<string, string>> = {}): string[] {
  return Object.entries(result).map(([name, value]) =>
    `${name.replaceAll('_', ' ').padEnd(40)} ${String(value).padEnd(14)} ${floors[name] ?? ''}`.trimEnd(),
  )
}

/** To two digits behind the point. */
export function rounded(value: number): number {
  return Math.round(value * 100) / 100
}

/** Runs it so many times, one after another; the middle one of its numbers. */
export async function medianOf(times: number, measure: () => Promise<number>): Promise<number> {
  const numbers: number[] = []
  while (numbers.length < times) numbers.push(await measure())
  return median(numbers)
}

export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
}
