import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { loadV2Mix } from '../../dev/load/v2-mix.ts'

/**
 * Sends batches of 100 envelopes at a rate, to which it rises, as fast as streams take them where they do not keep up, evenly over all that are open. A process of its own: its first line
 * of output is its port, its second, once all is sent, the seconds that took at that rate. Arguments: envelopes, envelopes a second, streams to wait for.
 */
const [, , envelopes = '0', perSecond = '0', streamCount = '2'] = process.argv
const BATCH = 100
const SAMPLE = 4000
const TICK_MS = 5
/** So long the rate rises from 0: a program that has just started is not compiled yet. */
const RISE_S = 3
/** More than a socket and its reader have under way: then it waits, as a gateway does. */
const MOST_WAITING_BYTES = 4 * 2 ** 20

const mix = loadV2Mix()
const frames = Array.from({ length: SAMPLE / BATCH }, (_, frame) => {
  const texts = Array.from({ length: BATCH }, (_, index) => mix.envelope(frame * BATCH + index).toString())
  return Buffer.from(`data: {"batch":[${texts.join()}]}\n\n`)
})
const streams: ServerResponse[] = []
const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
  streams.push(response)
  if (streams.length === Number(streamCount)) send()
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))

function send(): void {
  const batches = Number(envelopes) / BATCH
  const startedMs = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    const due = Math.min(batches, Math.floor(envelopesDue((performance.now() - startedMs) / 1000) / BATCH))
    for (; sent < due; sent++) {
      const stream = streams[sent % streams.length] as ServerResponse
      if (stream.writableLength > MOST_WAITING_BYTES) return
      stream.write(frames[sent % frames.length])
    }
    if (sent < batches) return
    clearInterval(timer)
    console.log((performance.now() - startedMs) / 1000 - RISE_S / 2)
    setInterval(() => streams.forEach((stream) => void stream.write('event: heartbeat\ndata: 0\n\n')), 5000)
  }, TICK_MS)
}

function envelopesDue(seconds: number): number {
  const rate = Number(perSecond)
  return seconds < RISE_S ? (rate * seconds ** 2) / (2 * RISE_S) : rate * (seconds - RISE_S / 2)
}
