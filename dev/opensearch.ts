import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import { freePorts } from './free-port.ts'
import { findJava } from './java.ts'
import { mavenJars } from './maven.ts'
import { scratchFolder } from './scratch-folder.ts'
import { ServerProcess } from './server-process.ts'
import { waitUntil } from './wait-until.ts'

export interface OpenSearchServer {
  readonly url: string
  readonly pid: number
  /** What it answers to a request with a JSON body, or NDJSON where it is text. */
  ask(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<{ readonly status: number; readonly body: unknown }>
  /** Every document of these indices (a pattern), after a refresh, by its id. */
  documents(index: string): Promise<ReadonlyMap<string, Record<string, unknown>>>
  stop(): Promise<void>
  restart(): Promise<void>
  kill(): Promise<void>
  /** For the end: kills it and deletes its data. */
  close(): Promise<void>
}

const VERSION = '2.19.6'
/** The very version of the log4j-api that OpenSearch brings along: another one fails at the start. */
const LOG4J_VERSION = '2.25.4'
const PAGE = 5000

/** OpenSearch of Maven's jars, a single node on loopback without security, with settings of its own. */
export async function startOpenSearch(settings: Readonly<Record<string, string | number>> = {}): Promise<OpenSearchServer> {
  const java = findJava()
  if (java === undefined) throw new Error('OpenSearch needs Java 17 or later: set JAVA_HOME, or have java on the PATH')
  const jars = await mavenJars(`opensearch-${VERSION}`, [
    `org.opensearch:opensearch:${VERSION}`,
    `org.opensearch.plugin:transport-netty4-client:${VERSION}`,
    `org.apache.logging.log4j:log4j-core:${LOG4J_VERSION}`,
  ])
  const folder = scratchFolder('opensearch')
  mkdirSync(join(folder, 'config'), { recursive: true })
  const [http = 0, transport = 0] = await freePorts(2)
  const url = `http://127.0.0.1:${http}`
  const main = fileURLToPath(new URL('opensearch/Main.java', import.meta.url))
  // Not the disk of a full machine decides, but what a test asks for.
  const all = { 'cluster.routing.allocation.disk.threshold_enabled': 'false', ...settings }
  const more = Object.entries(all).map(([name, value]) => `${name}=${value}`)
  const start = () =>
    ServerProcess.start({
      name: `OpenSearch ${VERSION}`,
      command: java,
      args: [
        '-Xms512m',
        '-Xmx512m',
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        '-cp',
        `${jars}/*`,
        main,
        folder,
        String(http),
        String(transport),
        ...more,
      ],
      logFile: join(folder, 'opensearch.log'),
      ready: async () => (await request(`${url}/_cluster/health`, { headersTimeout: 1000 })).statusCode === 200,
      readyTimeoutMs: 180_000,
    })
  let server = await start()

  async function ask(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown) {
    const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body)
    const type = typeof body === 'string' ? 'application/x-ndjson' : 'application/json'
    const answer = await request(url + path, { method, body: text, headers: { 'content-type': type } })
    const said = await answer.body.text()
    return { status: answer.statusCode, body: said === '' ? undefined : (JSON.parse(said) as unknown) }
  }

  interface Hits {
    readonly hits: {
      readonly hits: readonly { readonly _id: string; readonly _source: Record<string, unknown>; readonly sort: readonly unknown[] }[]
    }
  }

  /** A shard of an index that has just been made may not be there yet. */
  function search(index: string, query: object): Promise<Hits> {
    return waitUntil(`OpenSearch finds what ${index} has`, async () => {
      const { status, body } = await ask('POST', `/${index}/_search?allow_partial_search_results=false`, query)
      if (status !== 200 && status !== 503) throw new Error(`OpenSearch answers ${status}: ${JSON.stringify(body)}`)
      return status === 200 && (body as Hits)
    })
  }

  return {
    url,
    get pid() {
      return server.pid
    },
    ask,
    async documents(index) {
      await ask('POST', `/${index}/_refresh`)
      const found = new Map<string, Record<string, unknown>>()
      for (let after: readonly unknown[] | undefined; ; ) {
        const query = { size: PAGE, sort: [{ _id: 'asc' }], ...(after && { search_after: after }) }
        const page = (await search(index, query)).hits.hits
        for (const { _id, _source } of page) found.set(_id, _source)
        if (page.length < PAGE) return found
        after = page.at(-1)?.sort
      }
    },
    stop: () => server.stop(),
    restart: async () => {
      await server.kill()
      server = await start()
    },
    kill: () => server.kill(),
    close: async () => {
      await server.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
