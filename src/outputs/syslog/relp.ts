import type { Socket } from 'node:net'
import { connectSocket, type SocketOptions } from '../../lib/connect-socket.ts'

/** Messages that may be without an answer at a time: librelp's own default. */
const WINDOW = 128
const LONGEST_NUMBER = 999_999_999
const OFFERS = 'relp_version=0\nrelp_software=cf-metrics-refinery,1\ncommands=syslog'

/** What a receiver said of a message: undefined is that it has it. */
type Answer = string | undefined

interface Waiting {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

/**
 * One session of RELP, the reliable event logging protocol of librelp: each message has a number and is answered. Once it is closed, whatever
 * has not been answered may or may not have arrived.
 */
export class RelpSession {
  readonly #socket: Socket
  readonly #waiting = new Map<number, Waiting>()
  #number = 0
  #received: Buffer = Buffer.alloc(0)
  #closed: Error | undefined
  #freed: () => void = () => {}

  readonly #timer: NodeJS.Timeout

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('close', () => this.#end(new Error('the receiver closed the connection')))
    this.#timer = setTimeout(() => {
      if (this.#waiting.size > 0) this.#end(new Error(`no answer within ${timeoutMs / 1000} s`))
    }, timeoutMs)
  }

  static async open(options: SocketOptions, signal: AbortSignal): Promise<RelpSession> {
    const session = new RelpSession(await connectSocket(options, signal), options.timeoutMs)
    try {
      const answer = await session.#command('open', Buffer.from(OFFERS))
      if (answer !== undefined) throw new Error(`the receiver does not open a RELP session: ${answer}`)
      return session
    } catch (error) {
      session.destroy()
      throw error
    }
  }

  get isOpen(): boolean {
    return this.#closed === undefined
  }

  /** Resolves once there is room for one more message without an answer, or the session has ended. One caller at a time. */
  async room(): Promise<void> {
    while (this.isOpen && this.#waiting.size >= WINDOW) {
      await new Promise<void>((resolve) => {
        this.#freed = resolve
      })
    }
  }

  /** Sends a message at once. Resolves to what is answered; rejects where the session ends before. */
  send(message: Buffer): Promise<Answer> {
    return this.#command('syslog', message)
  }

  /** Ends it in order: whoever reads it knows that nothing more comes. */
  async close(): Promise<void> {
    if (this.isOpen)
      await Promise.race([
        this.#command('close', Buffer.alloc(0)).catch(() => {}),
        new Promise((resolve) => setTimeout(resolve, 500).unref()),
      ])
    this.destroy()
  }

  destroy(): void {
    this.#end(new Error('the session was ended'))
  }

  #command(name: string, data: Buffer): Promise<Answer> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    if (this.#waiting.size === 0) this.#timer.refresh()
    this.#number = this.#number >= LONGEST_NUMBER ? 1 : this.#number + 1
    const number = this.#number
    const head = data.length === 0 ? `${number} ${name} 0\n` : `${number} ${name} ${data.length} `
    this.#socket.write(data.length === 0 ? head : Buffer.concat([Buffer.from(head), data, Buffer.from('\n')]))
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject })
    })
  }

  #read(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    for (let answer = this.#next(); answer !== undefined; answer = this.#next()) {
      const { number, name, data } = answer
      if (name === 'serverclose') {
        this.#end(new Error('the receiver ends the session'))
        return
      }
      const waiting = this.#waiting.get(number)
      if (name !== 'rsp' || waiting === undefined) continue
      this.#waiting.delete(number)
      this.#timer.refresh()
      const text = data.toString().split('\n')[0] ?? ''
      waiting.resolve(/^200\b/.test(text) ? undefined : text)
      this.#freed()
    }
  }

  /** `TXNR SP COMMAND SP LENGTH [SP DATA] LF`. Undefined where it has not come whole. */
  #next(): { readonly number: number; readonly name: string; readonly data: Buffer } | undefined {
    const head = /^(\d{1,9}) (\w+) (\d{1,9})(?=[ \n])/.exec(this.#received.toString('latin1', 0, 64))
    if (head === null) {
      if (this.#received.length > 64) this.#end(new Error('what the receiver says is no RELP'))
      return undefined
    }
    const [start, number, name = '', length] = [head[0].length, Number(head[1]), head[2], Number(head[3])]
    const end = start + (length === 0 ? 0 : 1 + length)
    if (this.#received.length <= end) return undefined
    const data = this.#received.subarray(start + 1, end)
    this.#received = this.#received.subarray(end + 1)
    return { number, name, data }
  }

  #end(error: Error): void {
    if (this.#closed !== undefined) return
    this.#closed = error
    clearTimeout(this.#timer)
    this.#socket.destroy()
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(error)
    this.#freed()
  }
}
