import { createSocket, type Socket } from 'node:dgram'

/** Datagrams to one address, whose name is asked for anew each time. What the operating system has taken is gone: nobody answers. */
export class Datagrams {
  readonly #address: { readonly host: string; readonly port: number }
  #socket: Socket | undefined

  constructor(address: { readonly host: string; readonly port: number }) {
    this.#address = address
  }

  /** Resolves once the operating system has taken it. */
  send(datagram: Buffer): Promise<void> {
    const { host, port } = this.#address
    this.#socket ??= createSocket(host.includes(':') ? 'udp6' : 'udp4')
    const socket = this.#socket
    return new Promise((resolve, reject) => {
      socket.send(datagram, port, host, (error) => (error === null ? resolve() : reject(error)))
    })
  }

  close(): void {
    this.#socket?.close()
    this.#socket = undefined
  }
}
