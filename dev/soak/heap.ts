import { request, WebSocket } from 'undici'

/** Node's own option for an inspector that says nothing of itself on stderr. */
export function inspectorArgs(port: number): string[] {
  return [`--inspect=127.0.0.1:${port}`, '--inspect-publish-uid=http']
}

/** The heap of another process, asked over its inspector. */
export class RemoteHeap {
  readonly #socket: WebSocket
  #next = 0
  readonly #answers = new Map<number, (result: Record<string, unknown>) => void>()

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const { id, result } = JSON.parse(String(data)) as { id?: number; result?: Record<string, unknown> }
      if (id !== undefined) this.#answers.get(id)?.(result ?? {})
    })
  }

  static async connect(port: number): Promise<RemoteHeap> {
    const { body } = await request(`http://127.0.0.1:${port}/json/list`)
    const [target] = (await body.json()) as { webSocketDebuggerUrl: string }[]
    const socket = new WebSocket(target?.webSocketDebuggerUrl ?? '')
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve)
      socket.addEventListener('error', reject)
    })
    return new RemoteHeap(socket)
  }

  /** Bytes of heap in use after everything that nobody refers to was collected. */
  async usedBytes(): Promise<number> {
    await this.#ask('HeapProfiler.enable')
    await this.#ask('HeapProfiler.collectGarbage')
    await this.#ask('HeapProfiler.collectGarbage')
    const { usedSize } = await this.#ask('Runtime.getHeapUsage')
    return Number(usedSize)
  }

  close(): void {
    this.#socket.close()
  }

  #ask(method: string): Promise<Record<string, unknown>> {
    const id = ++this.#next
    return new Promise((resolve) => {
      this.#answers.set(id, (result) => {
        this.#answers.delete(id)
        resolve(result)
      })
      this.#socket.send(JSON.stringify({ id, method }))
    })
  }
}
