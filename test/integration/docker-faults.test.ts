import { expect, it } from 'vitest'
import { FIRST_NS, frameOf, type LogAnswer, timeOf } from '../../dev/docker/fake-engine.ts'
import { waitUntil } from '../../dev/wait-until.ts'
import { breakOnceSent, ID, lineOf, linesTo, logOf, logRequests, SECOND, say, sceneOf, tailOf } from '../support/fake-docker-scene.ts'

it('vectordotdev/vector #26023: a stream that breaks again and again is read on where it broke', async () => {
  const breaks = Array.from({ length: 8 }, (_, index) => logOf(10 * (index + 1), breakOnceSent))
  const { engine, scene } = await sceneOf({ logs: [...breaks, logOf(90)] })
  const worker = await scene.work()
  await worker.waitUntil('all is read', () => scene.messagesOf('fake').length === 90)
  expect(scene.messagesOf('fake')).toEqual(linesTo(90))
  expect(scene.documents).toHaveLength(90)
  const sinces = logRequests(engine.requests).map((request) => /since=([\d.]+)/.exec(request)?.[1])
  expect(sinces[0]).toBeUndefined()
  expect(sinces.slice(1).every((since) => since !== undefined && /\.\d{9}$/.test(since))).toBe(true)
})

it('at its limit open batches are written, however young they are: reading goes on', async () => {
  const { scene } = await sceneOf({ logs: [logOf(1000)] })
  const worker = await scene.work({ CFMR_MAXINFLIGHT: 200, CFMR_BATCHER_FLUSHINTERVAL: '10m' })
  await worker.waitUntil('all but what still fits into a batch is read', () => scene.messagesOf('fake').length >= 800)
  expect((await worker.stop()).code).toBe(0)
  expect(scene.messagesOf('fake')).toEqual(linesTo(1000))
})

it('what a stop leaves is said for what it is: lines that are read again, exactly as many, and readings and events that are lost', async () => {
  const { engine, scene } = await sceneOf({ logs: [logOf(2000)], tail: tailOf(2000) })
  const env = { CFMR_BATCHER_FLUSHMESSAGES: '50', CFMR_PROCESSINGTIMEOUT: '2s' }
  const first = await scene.work({ ...env, CFMR_DOCKER_COLLECT: 'logs,events' })
  await first.waitUntil('it writes', () => scene.messagesOf('fake').length === 2000)
  await first.waitUntil('it is settled', async () => (await first.stats()).ledger.in_flight === 0)
  first.stallOutput()
  engine.containers.set('d1'.repeat(32), {
    ...{ id: 'd1'.repeat(32), name: 'other', isRunning: true, startedAt: '2026-01-01T00:00:09Z', logs: [logOf(6000)] },
  })
  engine.say({ ...say('start', FIRST_NS + SECOND), Actor: { ID: 'd1'.repeat(32), Attributes: { name: 'other' } } })
  await first.waitUntil('the other is read', async () => (await first.stats()).ledger.consumed >= 8000)
  for (let n = 2n; n < 9n; n++) engine.say(say(n < 8n ? 'pause' : 'die', FIRST_NS + n * SECOND))
  await first.waitUntil('the last event is taken', async () => (await first.stats()).inputs['docker']?.['running' as never] === 1)
  expect(await first.stop()).toMatchObject({ code: 1 })
  const said = first.log
    .filter(({ level }) => level === 'ERROR')
    .map(({ msg }) => /^(\d+) (\D+?) (will|are)/.exec(String(msg))?.slice(1, 3))
  expect(said).toEqual([
    [expect.any(String), 'lines of logs'],
    [expect.any(String), 'readings and events of containers'],
  ])
  first.resumeOutput()
  const written = () => scene.documents.filter(({ event }) => event.dataset === 'docker.event').length
  await waitUntil('each event is written or lost', () => written() + Number(said[1]?.[0]) === 8)
  const linesRead = scene.documents.length - written()
  const second = await scene.work({ CFMR_DOCKER_COLLECT: 'logs' })
  await second.waitUntil('all is written', () => scene.messagesOf('other').length === 6000)
  expect((await second.stats()).ledger.consumed).toBe(Number(said[0]?.[0]))
  expect(Number(said[0]?.[0])).toBeGreaterThanOrEqual(8000 - linesRead)
  await second.stop()
})

it('vectordotdev/vector #19105: lines of one stream that are older than those of the other are read, each in its order', async () => {
  const mixed: LogAnswer = (response) => {
    for (let n = 1; n <= 200; n++) response.write(n % 2 === 0 ? lineOf(n, 1) : lineOf(1000 - n, 2))
  }
  const { scene } = await sceneOf({ logs: [mixed] })
  const worker = await scene.work()
  await worker.waitUntil('all is read', () => scene.messagesOf('fake').length === 200)
  expect(scene.messagesOf('fake', 'stdout')).toHaveLength(100)
  expect(scene.messagesOf('fake', 'stderr')).toHaveLength(100)
})

it('docker/docker-py #3342, grafana/alloy #6954: a line of the same nanosecond is neither lost nor repeated, though since includes it', async () => {
  const same = (text: string) => frameOf(1, `${timeOf(5n)} ${text}\n`)
  const part: LogAnswer = (response) => {
    response.write(Buffer.concat([same('a'), same('b')]))
    breakOnceSent(response)
  }
  const whole: LogAnswer = (response) => void response.write(Buffer.concat([same('a'), same('b'), same('c'), lineOf(1)]))
  const { scene } = await sceneOf({ logs: [part, whole] })
  const worker = await scene.work()
  await worker.waitUntil('all is read', () => scene.messagesOf('fake').length === 4)
  expect(scene.documents.map(({ message }) => message)).toEqual(['a', 'b', 'c', 'line 1'])
})

it('a line that the engine gives twice, as Docker 20.10 does where it rotates a log that is followed, is one line; lines of one time by a coarse clock are as many as they are', async () => {
  const long = 'x'.repeat(100)
  const at = (ns: bigint, text: string, stream: 1 | 2 = 1) => frameOf(stream, `${timeOf(ns)} ${text}\n`)
  const log: LogAnswer = (response) => {
    response.write(Buffer.concat([at(11n, 'a'), at(13n, 'error', 2), at(11n, 'a'), at(17n, 'a'), at(23n, long)]))
    // The repetition is in a chunk of its own.
    setTimeout(() => response.write(Buffer.concat([at(23n, long), at(23n, `${long}y`), at(400n, 'b'), at(400n, 'b')])), 200)
  }
  const { scene } = await sceneOf({ logs: [log] })
  const worker = await scene.work()
  await worker.waitUntil('all is read', () => scene.messagesOf('fake').length >= 7)
  expect(scene.messagesOf('fake', 'stdout')).toEqual(['a', 'a', long, `${long}y`, 'b', 'b'])
  expect(scene.messagesOf('fake', 'stderr')).toEqual(['error'])
})

it('moby/moby #53631, docker/for-linux #140, vectordotdev/vector #11056: what is behind a damaged part of a log is read, and the damage is said, as no line', async () => {
  const damaged = logOf(3, (response, _, query) => {
    const tail = Number(query.get('tail') ?? 0)
    if (tail === 0) response.end(frameOf(3, "Error grabbing logs: invalid character '\\x00'"))
    else for (const line of tailOf(20)(tail)) response.write(line)
  })
  // Of what is before it, and behind it: lines 4 to 9 cannot be read.
  const tail = (records: number) => (records <= 11 ? tailOf(20)(records) : [...tailOf(3)(records - 12), frameOf(3, 'invalid character')])
  const { engine, scene } = await sceneOf({ logs: [damaged], tail })
  const worker = await scene.work()
  const said = await worker.logged(/cannot be had any more/)
  expect(said).toMatchObject({ container: 'fake', cause: 'damaged', error: expect.stringContaining('invalid character') })
  await worker.waitUntil('it reads behind the damage', () => scene.messagesOf('fake').includes('line 20'))
  expect(scene.messagesOf('fake')).toEqual(linesTo(20).filter((_, index) => index < 3 || index >= 9))
  expect((await worker.stats()).inputs['docker']).toMatchObject({ gaps: { damaged: 1, rotated: 0 } })
  expect(logRequests(engine.requests).length).toBeLessThan(12)
})

it('a proxy that ends every stream at once is said, and costs no line', async () => {
  const atOnce: LogAnswer = (response) => void response.end()
  const { engine, scene, fake } = await sceneOf({ logs: [logOf(3), ...Array.from({ length: 5 }, () => atOnce), logOf(9)], tail: tailOf(3) })
  const worker = await scene.work()
  await worker.waitUntil('it is read', () => scene.messagesOf('fake').length === 3)
  engine.breakAll()
  const said = await worker.logged(/streams of a log end at once/)
  expect(said).toMatchObject({ level: 'WARN', container: 'fake' })
  expect((await worker.stats()).inputs['docker']).toMatchObject({
    gaps: { damaged: 0 },
    not_streaming: [{ container: 'fake', problem: expect.stringContaining('end at once') }],
  })
  Object.assign(fake, { tail: tailOf(9) })
  await worker.waitUntil('what came meanwhile is read', () => scene.messagesOf('fake').length === 9)
  expect(scene.messagesOf('fake')).toEqual(linesTo(9))
  expect(await worker.stats()).toMatchObject({ inputs: { docker: { gaps: { damaged: 0, rotated: 0 }, not_streaming: [] } } })
})

it('a proxy that answers with something else costs no line', async () => {
  const noise: LogAnswer = (response) => void response.end('<html>Bad gateway</html>')
  const { scene } = await sceneOf({ logs: [...Array.from({ length: 5 }, () => noise), logOf(9)], tail: tailOf(9) })
  const worker = await scene.work()
  await worker.waitUntil('all is read', () => scene.messagesOf('fake').length === 9)
  expect((await worker.stats()).inputs['docker']).toMatchObject({ gaps: { damaged: 0, rotated: 0 } })
})

it('apocas/docker-modem: bytes that are no frames are said, and do not become lines', async () => {
  const noise: LogAnswer = (response) => void response.write('this is a proxy that speaks of something else\n')
  const { scene } = await sceneOf({ logs: [noise, logOf(2)] })
  const worker = await scene.work()
  await worker.waitUntil('the log is read', () => scene.messagesOf('fake').length === 2)
  expect(scene.messagesOf('fake')).toEqual(linesTo(2))
  expect((await worker.stats()).inputs['docker']).toMatchObject({ last_error: expect.stringContaining('expected the header of a frame') })
})

it('docker/docker-py #931, influxdata/telegraf #6652: the log of a terminal has no frames, and keeps the blanks before its text', async () => {
  const { engine, scene } = await sceneOf({ tty: true, logs: [(response) => void response.write(`${timeOf(1n)}   indented\r\n`)] })
  const worker = await scene.work()
  await worker.waitUntil('it is read', () => scene.messagesOf('fake').length === 1)
  expect(scene.messagesOf('fake')).toEqual(['  indented'])
  expect(logRequests(engine.requests)[0]).toContain('timestamps=true')
})

it('a log that was rotated away while it was not read is counted, and what is left is read', async () => {
  const part = logOf(5, breakOnceSent)
  const rotated: LogAnswer = (response) => {
    for (let n = 500; n <= 502; n++) response.write(lineOf(n))
  }
  const { scene } = await sceneOf({ logs: [part, rotated] })
  const worker = await scene.work()
  const line = await worker.logged(/cannot be had any more/)
  expect(line).toMatchObject({ container: 'fake', cause: 'rotated' })
  await worker.waitUntil('the rest is read', () => scene.messagesOf('fake').length === 8)
})

it('vectordotdev/vector #8179: a driver that cannot be read is asked once a run', async () => {
  const { engine, scene, fake } = await sceneOf({})
  engine.intercept = (request, response) => {
    if (!request.url?.includes('/logs')) return false
    response.writeHead(501).end('{"message":"configured logging driver does not support reading"}')
    return true
  }
  const worker = await scene.work()
  await worker.logged(/cannot be had any more/)
  const { inputs } = await worker.stats()
  expect(inputs['docker']).toMatchObject({
    not_streaming: [{ container: 'fake', problem: expect.stringContaining('does not support reading') }],
  })
  expect(logRequests(engine.requests)).toHaveLength(1)
  fake.startedAt = '2026-01-01T01:00:00Z'
  engine.say(say('start', FIRST_NS + 3600n * SECOND))
  await worker.waitUntil('it is asked again', () => logRequests(engine.requests).length === 2)
})

it('dangrie158/dolce #17, moby/moby #13753: events are read on after a break, none twice, each with its own time', async () => {
  const { engine, scene } = await sceneOf({})
  const worker = await scene.work({ CFMR_DOCKER_COLLECT: 'events' })
  await worker.ready()
  const events = [1n, 2n, 2n].map((second, index) => say(index === 2 ? 'oom' : 'pause', FIRST_NS + second * SECOND))
  for (const event of events) engine.say(event)
  await worker.waitUntil('all are read', () => scene.documents.length === 3)
  engine.breakAll()
  await worker.waitUntil('it reads again', () => engine.requests.filter((request) => request.includes('/events')).length === 2)
  expect(engine.requests.findLast((request) => request.includes('/events'))).toContain(`since=${Number(FIRST_NS / SECOND) + 2}.000000000`)
  await worker.ready()
  // What comes at the time of the last one, and what came after.
  for (const event of [...events.slice(1), say('die', FIRST_NS + 3n * SECOND, { exitCode: '137' })]) engine.say(event)
  await worker.waitUntil('the new one is read', () => scene.documents.length === 4)
  expect(scene.documents.map(({ event }) => event.action)).toEqual(['pause', 'pause', 'oom', 'die'])
  expect(scene.documents[3]).toMatchObject({
    '@timestamp': '2026-01-01T00:00:03.000000000Z',
    process: { exit_code: 137 },
    docker: { oom: true },
  })
  expect((await worker.stats()).inputs['docker']).toMatchObject({ gaps: { events: 0 } })
})

it('events that end at once, again and again, are said once, and the engine is not asked hot', async () => {
  const { engine, scene } = await sceneOf({ logs: [logOf(2)] })
  engine.intercept = ({ url }, response) => url?.includes('/events') === true && Boolean(response.end())
  const worker = await scene.work()
  const asked = () => engine.requests.filter((request) => request.includes('/events')).length
  await worker.waitUntil('it was asked again and again', () => asked() >= 6)
  // 0.2 + 0.4 + 0.8 + 1.6 + 3.2 s, less what chance takes of it.
  expect(((await worker.stats()).uptime_seconds as number) > 4).toBe(true)
  expect(worker.log.filter(({ msg }) => /engine is away/.test(msg))).toHaveLength(1)
  engine.intercept = () => false
  await worker.waitUntil('its log is read', () => scene.messagesOf('fake').length === 2)
})

it('an answer that is no list of containers ends the reading of no log', async () => {
  const { engine, scene } = await sceneOf({ logs: [logOf(2), logOf(3)] })
  const worker = await scene.work()
  await worker.waitUntil('it is read', () => scene.messagesOf('fake').length === 2)
  engine.intercept = ({ url }, response) => url?.includes('/containers/json') === true && Boolean(response.end('{"message":"busy"}'))
  engine.breakAll()
  await worker.waitUntil('it is said', async () => /the answer is no list/.test((await worker.get('/readyz')).body))
  await worker.waitUntil('its log is read on', () => scene.messagesOf('fake').length === 3)
  expect((await worker.stats()).inputs['docker']).toMatchObject({ containers: 1, gaps: { removed: 0 } })
})

it('moby/moby #33593: events that the engine has forgotten are counted, and containers are found all the same', async () => {
  const { engine, scene } = await sceneOf({ logs: [logOf(1)] })
  const worker = await scene.work({ CFMR_DOCKER_COLLECT: 'events,logs' })
  await worker.ready()
  engine.say(say('pause', FIRST_NS))
  await worker.waitUntil('it is read', () => scene.documents.some(({ event }) => event.action === 'pause'))
  const other = { id: 'd1'.repeat(32), name: 'other', isRunning: true, startedAt: '2026-01-01T00:00:09Z', logs: [logOf(2)] }
  engine.containers.set(other.id, other)
  engine.breakAll()
  await worker.waitUntil('the other is found', () => scene.messagesOf('other').length === 2)
  engine.say(say('unpause', FIRST_NS + 10n * SECOND))
  await worker.logged(/cannot be had any more/)
  expect((await worker.stats()).inputs['docker']).toMatchObject({ gaps: { events: 1 } })
})

it('an event of a container that cannot be inspected waits its time, and is named by what it says itself', async () => {
  const { engine, scene } = await sceneOf({})
  const unknown = 'e2'.repeat(32)
  engine.intercept = (request) => request.url?.includes(`/containers/${unknown}/json`) === true
  const worker = await scene.work({ CFMR_DOCKER_COLLECT: 'events', CFMR_DOCKER_INVENTORYTIMEOUT: '1s' })
  await worker.ready()
  engine.say({
    ...say('create', FIRST_NS),
    Actor: { ID: unknown, Attributes: { name: 'silent', image: 'shop/web:7', 'com.docker.compose.service': 'web' } },
  })
  await worker.waitUntil('it is let go', () => scene.documents.length === 1)
  expect(scene.documents[0]).toMatchObject({
    cloudfoundry: { app: { name: 'web', instance: { id: 'silent' } } },
    container: { id: unknown, name: 'silent', image: { name: 'shop/web', tag: '7' } },
  })
})

it('influxdata/telegraf #1133, docker/docker-py #1685: no reading of what does not run, no CPU without one before', async () => {
  const cpu = (total: number, system: number) => ({ cpu_usage: { total_usage: total }, system_cpu_usage: system, online_cpus: 2 })
  const { scene } = await sceneOf({
    stats: [
      { read: '0001-01-01T00:00:00Z', name: '/fake', id: ID },
      {
        read: '2026-01-01T00:00:01Z',
        cpu_stats: cpu(100, 1000),
        memory_stats: { usage: 5000, stats: { inactive_file: 1000 }, limit: 8000 },
      },
      {
        read: '2026-01-01T00:00:02Z',
        cpu_stats: cpu(200, 2000),
        memory_stats: {},
        networks: null,
        blkio_stats: { io_service_bytes_recursive: null },
      },
    ],
  })
  const worker = await scene.work({ CFMR_DOCKER_COLLECT: 'stats', CFMR_DOCKER_STATSINTERVAL: '1s' })
  await worker.waitUntil('two are read', () => scene.documents.length >= 2)
  expect(scene.documents[0]?.cloudfoundry.container).toEqual({ memory: { bytes: 4000, quota: { bytes: 8000 } } })
  expect(scene.documents[1]?.cloudfoundry.container).toEqual({ cpu: { pct: 0.2 } })
  expect(Object.keys(scene.documents[1]?.container ?? {})).toEqual(['id', 'name', 'image'])
})

it('a container whose usage the engine does not tell holds up no other', async () => {
  const frame = { read: '2026-01-01T00:00:01Z', pids_stats: { current: 3 } }
  const { engine, scene } = await sceneOf({ stats: [frame] })
  const silent = 'e2'.repeat(32)
  engine.containers.set(silent, {
    id: silent,
    name: 'silent',
    isRunning: true,
    startedAt: '2026-01-01T00:00:00Z',
    logs: [],
    stats: [frame],
  })
  engine.intercept = (request) => request.url?.includes(`/containers/${silent}/stats`) === true
  const worker = await scene.work({ CFMR_DOCKER_COLLECT: 'stats', CFMR_DOCKER_STATSINTERVAL: '1s', CFMR_DOCKER_TIMEOUT: '2s' })
  await worker.waitUntil('the other is read', () => scene.documents.filter(({ container }) => container.name === 'fake').length >= 2)
  expect(scene.documents.every(({ container }) => container.pids === 3)).toBe(true)
})

it('a reading that is waited for holds up no other, and is not asked for twice', async () => {
  const frame = { read: '2026-01-01T00:00:01Z', pids_stats: { current: 3 } }
  const { engine, scene } = await sceneOf({ stats: [frame] })
  const of = (id: string) => ({ id, name: id.slice(0, 2), isRunning: true, startedAt: '2026-01-01T00:00:00Z', logs: [], stats: [frame] })
  const [silent, large] = ['e2'.repeat(32), 'f3'.repeat(32)]
  for (const id of [silent, large]) engine.containers.set(id, of(id))
  engine.intercept = ({ url = '' }, response) => {
    if (url.includes('size=true') && url.includes(large)) response.writeHead(500).end('{"message":"walked for too long"}')
    else return url.includes(`/containers/${silent}/stats`)
    return true
  }
  const worker = await scene.work({
    CFMR_DOCKER_COLLECT: 'stats',
    CFMR_DOCKER_STATSINTERVAL: '1s',
    CFMR_DOCKER_DISKINTERVAL: '1s',
    CFMR_DOCKER_TIMEOUT: '10m',
  })
  const readingsOf = (name: string) => scene.documents.filter(({ container }) => container.name === name).length
  await worker.waitUntil('the others are read again and again', () => readingsOf('fake') >= 5 && readingsOf('f3') >= 5)
  expect(engine.requests.filter((request) => request.includes(`/containers/${silent}/stats`))).toHaveLength(1)
  expect((await worker.stop()).code).toBe(0)
})

it('open-telemetry/opentelemetry-collector-contrib #44279: an engine that has no version in common is said, and waited for', async () => {
  const { scene } = await sceneOf({}, { apiVersion: '1.24' })
  const worker = await scene.work()
  expect((await worker.logged(/engine is away/))['error']).toMatch(/found API version 1\.24, expected 1\.40 to/)
})
