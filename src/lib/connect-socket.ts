import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

export interface SocketOptions {
  readonly host: string
  readonly port: number
  /** Undefined: plain TCP. */
  readonly tls?: {
    readonly rejectUnauthorized: boolean
    readonly ca?: string | readonly string[] | undefined
    readonly cert?: string | undefined
    readonly key?: string | undefined
  }
  /** For the connection to be there. */
  readonly timeoutMs: number
}

const KEEP_ALIVE_MS = 30_000

/** Resolves to a socket that is connected, TLS included; its errors are listened to. */
export async function connectSocket({ host, port, tls, timeoutMs }: SocketOptions, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted()
  const { ca, cert, key, rejectUnauthorized } = tls ?? {}
  const certificates = {
    ...(ca !== undefined && { ca: typeof ca === 'string' ? ca : [...ca] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  }
  const socket =
    tls === undefined
      ? connectTcp({ host, port })
      : connectTls({
          host,
          port,
          rejectUnauthorized: rejectUnauthorized === true,
          ...(!/^[\d.:]+$/.test(host) && { servername: host }),
          ...certificates,
        })
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
  socket.setNoDelay(true)
  const abort = () => socket.destroy(signal.reason as Error)
  signal.addEventListener('abort', abort, { once: true })
  const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${timeoutMs / 1000} s`)), timeoutMs)
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('the connection was closed at once')))
      socket.once(tls === undefined ? 'connect' : 'secureConnect', () => resolve())
    })
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
  // Whoever uses it learns of its end by `close`.
  socket.on('error', () => {})
  return socket
}
