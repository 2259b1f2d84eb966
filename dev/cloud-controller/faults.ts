import type { IncomingMessage, ServerResponse } from 'node:http'

/** What a request is for. `list` is all apps, `look-up` some by their guids (v3) or one (v2). */
export const KINDS = ['root', 'list', 'look-up', 'space', 'organization', 'token', 'other'] as const
export type Kind = (typeof KINDS)[number]

/** What befalls requests. As JSON it can be set from another process. */
export interface Fault {
  /** Which requests; all, where nothing is said. */
  readonly kind?: Kind
  /** Only look-ups that ask for this guid, alone or among others. */
  readonly guid?: string
  /** Only from this page of the list on. */
  readonly fromPage?: number
  /** How many requests, before it mends itself. */
  readonly times?: number
  /** `hang`: never answers. `cut`: closes the connection in the middle of the answer. `slow`: answers rightly, but late. */
  readonly effect: 'answer' | 'hang' | 'cut' | 'slow'
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly delayMs?: number
}

/** Answers that real foundations give on bad days. */
export const ANSWERS = {
  serverError: {
    effect: 'answer',
    status: 500,
    headers: { 'content-type': 'text/html' },
    body: '<html><head><title>500</title></head><body><h1>Internal Server Error</h1></body></html>',
  },
  badGateway: { effect: 'answer', status: 502, body: '' },
  html: { effect: 'answer', status: 200, headers: { 'content-type': 'text/html' }, body: '<html><body>Please log in</body></html>' },
  databaseDown: {
    effect: 'answer',
    status: 503,
    headers: { 'content-type': 'application/json' },
    body: '{"errors":[{"code":10015,"title":"CF-ServiceUnavailable","detail":"Database connection failure"}]}',
  },
  forbidden: {
    effect: 'answer',
    status: 403,
    headers: { 'content-type': 'application/json' },
    body: '{"errors":[{"code":10003,"title":"CF-NotAuthorized","detail":"You are not authorized to perform the requested action"}]}',
  },
  notFound: {
    effect: 'answer',
    status: 404,
    headers: { 'content-type': 'application/json' },
    body: '{"errors":[{"code":10000,"title":"CF-NotFound","detail":"Unknown request"}]}',
  },
} as const satisfies Record<string, Fault>

export function rateLimited(retryAfterSeconds: number): Fault {
  return {
    effect: 'answer',
    status: 429,
    headers: { 'content-type': 'text/plain', 'retry-after': String(retryAfterSeconds) },
    body: 'Rate Limit Exceeded',
  }
}

export interface Asked {
  readonly kind: Kind
  readonly guids: readonly string[]
  readonly page: number
}

/** The faults that are on. */
export class Faults {
  #faults: { readonly fault: Fault; left: number }[] = []

  add(fault: Fault): void {
    this.#faults.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY })
  }

  heal(): void {
    this.#faults = []
  }

  /** The first fault that befalls a request, counted as used. */
  take({ kind, guids, page }: Asked): Fault | undefined {
    const entry = this.#faults.find(
      ({ fault }) =>
        (fault.kind === undefined || fault.kind === kind) &&
        (fault.guid === undefined || guids.includes(fault.guid)) &&
        (fault.fromPage === undefined || (kind === 'list' && page >= fault.fromPage)),
    )
    if (entry === undefined) return undefined
    entry.left--
    if (entry.left <= 0) this.#faults = this.#faults.filter((other) => other !== entry)
    return entry.fault
  }
}

/** Gives `fault`'s answer in place of the right one. */
export function misbehave(fault: Fault, request: IncomingMessage, response: ServerResponse): void {
  if (fault.effect === 'hang') return
  if (fault.effect === 'cut') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
    response.write('{"pagination":')
    setImmediate(() => request.socket.destroy())
    return
  }
  response.writeHead(fault.status ?? 200, fault.headers).end(fault.body)
}
