/** An answer, before it is sent. */
export interface Reply {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

export function text(status: number, body: string, headers: Reply['headers'] = {}): Reply {
  return { status, type: 'text/plain; charset=utf-8', body: `${body}\n`, headers }
}

/** Indented: people read it in a browser. */
export function json(status: number, value: unknown): Reply {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(value, undefined, 2)}\n` }
}
