/** Where an engine listens. */
export type EngineAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }

const PLAIN_PORT = 2375
const TLS_PORT = 2376

/**
 * `unix:///var/run/docker.sock` or `tcp://HOST[:PORT]`, as DOCKER_HOST has them; without a port the usual one, with or without TLS. Undefined
 * where it is neither.
 */
export function parseEngineAddress(text: string, hasTls: boolean): EngineAddress | undefined {
  if (text.startsWith('unix://')) {
    const path = text.slice('unix://'.length)
    return path.startsWith('/') && path.length > 1 ? { kind: 'unix', path } : undefined
  }
  const [, host, port] = /^tcp:\/\/(\[[\da-fA-F:.]+\]|[^:/?#\s@]+)(?::(\d{1,5}))?\/?$/.exec(text) ?? []
  const number = port === undefined ? (hasTls ? TLS_PORT : PLAIN_PORT) : Number(port)
  if (host === undefined || number < 1 || number > 65_535) return undefined
  return { kind: 'tcp', host, port: number }
}

/** As people write it. */
export function addressText(address: EngineAddress): string {
  return address.kind === 'unix' ? `unix://${address.path}` : `tcp://${address.host}:${address.port}`
}
