import type { DockerEngine } from '../docker/docker.ts'

interface DemoContainer {
  readonly name: string
  readonly script: string
  /** Of `docker run`. */
  readonly options: readonly string[]
  /** Whether its log is to be read. */
  readonly isRead: boolean
}

/** Says so many lines a second on stdout, one on stderr, and uses some CPU. */
const chatty = (perSecond: number, what: string) =>
  `trap 'exit 0' TERM; while true; do i=0; while [ $i -lt ${perSecond} ]; do i=$((i+1)); n=$((n+1)); echo "${what} $n"; done; echo "slow: $n" >&2; sleep 1; done`

const vcap = { application_name: 'cart', application_id: '7a9c1d2e', organization_name: 'acme', space_name: 'prod' }

const compose = (service: string) => ['--label', `com.docker.compose.service=${service}`, '--label', 'com.docker.compose.project=shop']

/** Of compose, of a platform that names them in VCAP_APPLICATION, with a terminal, and one whose log nobody wants. */
export const CONTAINERS: readonly DemoContainer[] = [
  { name: 'shop-web-1', script: chatty(50, 'GET /cart'), options: [...compose('web'), '--memory', '64m'], isRead: true },
  { name: 'shop-db-1', script: chatty(10, 'checkpoint'), options: compose('db'), isRead: true },
  { name: 'cart', script: chatty(20, 'order'), options: ['--env', `VCAP_APPLICATION=${JSON.stringify(vcap)}`], isRead: true },
  { name: 'terminal', script: chatty(5, 'prompt'), options: ['--tty'], isRead: true },
  { name: 'shop-debug-1', script: chatty(100, 'trace'), options: [...compose('debug'), '--label', 'cfmr.logs=false'], isRead: false },
]

export async function startContainers(engine: DockerEngine): Promise<void> {
  for (const { name, script, options } of CONTAINERS) await engine.start(script, ['--name', name, ...options])
}
