/** Such names are reserved for spelling an IPv6 address as a host: `::1` is `--1.ipv6-literal.net`. Nobody looks them up. */
const LITERAL = '.ipv6-literal.net'

/** As kafkajs takes it: it splits an address at its first colon, so `[::1]:9092` has to be spelled without. */
export function addressForKafkajs(address: string): string {
  const [, ip, port] = /^\[([^\]]+)\]:(\d+)$/.exec(address) ?? []
  return ip === undefined ? address : `${ip.replaceAll(':', '-')}${LITERAL}:${port}`
}

/** The host to connect to, of what kafkajs hands on. */
export function hostOf(host: string): string {
  return host.endsWith(LITERAL) ? host.slice(0, -LITERAL.length).replaceAll('-', ':') : host
}

/** A text in which kafkajs names brokers, with their addresses as people write them. */
export function withReadableAddresses(text: string): string {
  return text.replace(/[\da-fA-F.%\w-]*\.ipv6-literal\.net/g, (name) => `[${hostOf(name)}]`)
}

/** `host:port`, with brackets where the host is an IPv6 address. */
export function addressOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
