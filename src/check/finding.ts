/** What one step of `check` found. */
export interface Finding {
  /** Which end: an input, an output, or `cf`. */
  readonly part: string
  /** What was tried, in one word that does not change: scripts look for it. */
  readonly check: string
  /** A warning lets the worker run, but not as somebody may think. */
  readonly outcome: 'ok' | 'warning' | 'failed'
  /** What was found; where it is not well, also why and what to do. */
  readonly message: string
  /** Figures for scripts. */
  readonly figures?: Readonly<Record<string, string | number | boolean>>
}

export type Findings = AsyncGenerator<Finding, void>
export type Figures = NonNullable<Finding['figures']>

/** Makes the findings of one part. */
export function findingsOf(part: string) {
  const make =
    (outcome: Finding['outcome']) =>
    (check: string, message: string, figures?: Figures): Finding => ({
      part,
      check,
      outcome,
      message,
      ...(figures !== undefined && { figures }),
    })
  return { ok: make('ok'), warning: make('warning'), failed: make('failed') }
}

const LABEL = { ok: 'ok', warning: 'WARNING', failed: 'FAILED' } as const

export function asText({ part, outcome, message }: Finding): string {
  return `${LABEL[outcome].padEnd(9)}${part.padEnd(10)}${message}`
}

export function asJson({ figures, ...finding }: Finding): string {
  return JSON.stringify({ ...finding, ...figures })
}

/** `1 partition`, `2 partitions`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
