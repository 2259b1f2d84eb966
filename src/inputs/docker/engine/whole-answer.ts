import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'

export interface WholeAnswer {
  readonly statusCode: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface WholeAnswerOptions {
  readonly dispatcher: Dispatcher
  readonly origin: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** From now until the answer's end. */
  readonly timeoutMs: number
  /** Of a body, by its status. */
  readonly maxBytes: (statusCode: number) => number
}

/**
 * GETs an answer that ends by itself. Rejects at once with the signal's reason where that aborts, else with an error that says why there is no answer. Several hundred of them a second are
 * asked for where usage is read: undici's `request` makes a stream, two abort signals and an async resource of each, which costs twice as much as all the rest.
 */
export function wholeAnswer(options: WholeAnswerOptions): Promise<WholeAnswer> {
  const { dispatcher, origin, path, headers, signal, timeoutMs, maxBytes } = options
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const chunks: Buffer[] = []
    let answer: Omit<WholeAnswer, 'text'> = { statusCode: 0, headers: {} }
    let bytes = 0
    let controller: Dispatcher.DispatchController | undefined
    let failure: Error | undefined
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
    const fail = (error: Error) => {
      if (failure !== undefined) return
      failure = error
      end()
      reject(error)
      controller?.abort(error)
    }
    const abort = () => fail(signal.reason)
    const isLate = () => fail(new Error(`no answer within ${timeoutMs / 1000} s. Is the engine overloaded, or does it hang?`))
    const timer = setTimeout(isLate, timeoutMs).unref()
    signal.addEventListener('abort', abort, { once: true })
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        controller = started
        if (failure !== undefined) started.abort(failure)
      },
      onResponseStart(_, statusCode, received) {
        answer = { statusCode, headers: received }
      },
      onResponseData(_, chunk) {
        bytes += chunk.length
        const most = maxBytes(answer.statusCode)
        if (bytes > most) fail(new Error(`the answer is longer than ${most} bytes`))
        else chunks.push(chunk)
      },
      onResponseEnd() {
        if (failure !== undefined) return
        end()
        resolve({ ...answer, text: textOf(chunks) })
      },
      onResponseError: (_, error) => fail(error),
    }
    dispatcher.dispatch({ origin, path, method: 'GET', headers }, handler)
  })
}

function textOf(chunks: readonly Buffer[]): string {
  const [only] = chunks
  return only !== undefined && chunks.length === 1 ? only.toString() : Buffer.concat(chunks).toString()
}
