import { expected, kind } from './kinds.ts'

/** Where a socket goes that speaks no HTTP. */
export interface SocketAddress<Protocol extends string = string> {
  readonly protocol: Protocol
  /** Without the brackets of IPv6. */
  readonly host: string
  readonly port: number
}

/** `PROTOCOL://HOST[:PORT]`, and nothing else; `ports` are those of the protocols where none is given. */
export const socketAddress = <Protocol extends string>(ports: Readonly<Record<Protocol, number>>, example: string) => {
  const protocols = Object.keys(ports) as Protocol[]
  const begins = protocols.map((protocol) => `${protocol}://`)
  return kind('URL', (value): SocketAddress<Protocol> => {
    const address = value.trim()
    const protocol = protocols[begins.findIndex((begin) => address.startsWith(begin))]
    if (protocol === undefined) throw expected(`a URL that begins with ${begins.slice(0, -1).join(', ')} or ${begins.at(-1)}`)
    // The URL of such a scheme has no parser of its own.
    const rest = address.slice(protocol.length + 3)
    const url = URL.canParse(`http://${rest}`) ? new URL(`http://${rest}`) : undefined
    if (url === undefined || url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
      throw expected(`a URL with a host, and perhaps a port, alone: ${example}`)
    }
    const port = /:(\d+)\/?$/.exec(rest)?.[1] ?? ports[protocol]
    return { protocol, host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(port) }
  })
}
