import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { readConfig } from '../../src/config/config.ts'
import { PUBLIC_PATHS } from '../../src/debug/routes.ts'
import { Stats } from '../../src/debug/stats.ts'
import { ConfigError } from '../../src/lib/errors.ts'
import { blockWith, codeBlocks, commands, PAGES, pageText } from '../support/documents.ts'
import { manifestApp, manifestText } from '../support/manifest.ts'
import { quietSources } from './debug/sources.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }

/** All options that `cf help COMMAND` of version 8 lists, of the commands that our pages use. */
const CF: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries({
    'add-network-policy': '-s -o --protocol --port',
    app: '--guid',
    'create-user-provided-service': '-l -p -r -t',
    events: '',
    logs: '--recent',
    push: `--app-start-timeout -t --buildpack -b --disk -k --docker-image -o --docker-username --droplet --endpoint --health-check-type -u
      --instances -i --instance-steps --lifecycle --log-rate-limit -l --manifest -f --max-in-flight --memory -m --no-manifest --no-route
      --no-start --no-wait --path -p --random-route --redact-env --stack -s --start-command -c --strategy --task --var --vars-file`,
    restart: '--instance-steps --max-in-flight --strategy --no-wait',
    'run-task': '--command -c -k -l -m --name --process --wait -w',
    scale: '--force -f --instances -i -k -l -m --process',
    ssh: `--app-instance-index -i --command -c --disable-pseudo-tty -T --force-pseudo-tty -L --process --request-pseudo-tty -t
      --skip-host-validation -k --skip-remote-execution -N`,
    target: '-o -s',
    'update-user-provided-service': '-l -p -r -t',
  }).map(([command, options]) => [command, options.split(/\s+/)]),
)

/** Attributes of an app in a manifest, as the API's version 3 documents them; those of its web process among them. */
const MANIFEST =
  `name buildpacks docker env no-route processes random-route default-route routes services sidecars stack metadata lifecycle features
  type command disk_quota health-check-http-endpoint health-check-invocation-timeout health-check-interval health-check-type instances memory
  log-rate-limit-per-second timeout readiness-health-check-type readiness-health-check-http-endpoint readiness-health-check-interval
  readiness-health-check-invocation-timeout`.split(/\s+/)

const optionsOf = (words: string) => words.split(' ').filter((word) => word.startsWith('-') && word !== '--')

function checkCf(text: string): void {
  const [, name = '', rest = ''] = /^cf (\S+) ?(.*)$/.exec(text.replace(/'[^']*'/g, 'QUOTED')) ?? []
  expect(CF, text).toHaveProperty(name)
  expect(CF[name], text).toEqual(expect.arrayContaining(optionsOf(rest)))
}

/** The script is there, and knows the options behind `--`. */
function checkScript(text: string): void {
  const [, name = '', rest = ''] = /^npm (?:run )?(\S+)(?: -- (.*))?$/.exec(text) ?? []
  expect(scripts, text).toHaveProperty([name])
  if (name === 'push') {
    checkCf(`cf push ${rest}`.trim())
    return
  }
  const source = /(\S+\.ts)\b/.exec(scripts[name] ?? '')?.[1]
  for (const option of optionsOf(rest)) {
    expect(readFileSync(join(root, source ?? ''), 'utf8'), text).toMatch(new RegExp(`\\b'?${option.slice(2)}'?: \\{ type:`))
  }
}

/** `npm test` begins with it. */
function isPartOfNpmTest(): void {
  const testAll = readFileSync(join(root, 'dev/test-all.ts'), 'utf8')
  for (const part of scripts['check']?.split(' && ') ?? []) expect(testAll).toContain(`['${part.split(' ').join("', '")}']`)
}

const runBy = (file: string, how: string) => (text: string) => expect(readFileSync(join(root, file), 'utf8'), text).toContain(how)
const DOCS_TEST = 'test/integration/docs.test.ts'

/** How each documented command is known to work. Where it needs a foundation, or more than a minute, its options are checked here. */
const PROOFS: readonly (readonly [command: RegExp, check: (text: string) => void])[] = [
  [/^npm (ci|install)$/, runBy('dev/set-up.mjs', "'npm ci'")],
  [/^npm run build$/, runBy('test/support/stack.ts', "['run', '--silent', 'build']")],
  [/^npm test$/, checkScript],
  [/^npm run demo( -- .*)?$/, checkScript],
  [/^npm run (test:unit|bench|drill|soak|screenshot|push)( -- .*)?$/, checkScript],
  [/^npm run check$/, isPartOfNpmTest],
  [/^npm run boards$/, runBy('test/integration/grafana.test.ts', 'boardJson(source)')],
  [/^npm start$/, runBy(DOCS_TEST, "'npm start'")],
  [/^npx vitest run test\/integration\/NAME\.test\.ts$/, () => expect(existsSync(join(root, 'test/integration/docs.test.ts'))).toBe(true)],
  [/^export CFMR_/, runBy(DOCS_TEST, "'export CFMR_KAFKA_BROKERS'")],
  [/^node dist\/main\.js check$/, runBy(DOCS_TEST, "'export CFMR_KAFKA_BROKERS'")],
  [/^CFMR_CF_API=\S+ (CFMR_STDOUT_FORMAT=json )?node dist\/main\.js replay /, runBy(DOCS_TEST, "'main.js replay'")],
  [/^CFMR_KAFKA_TOPICS=dead-letters .* node dist\/main\.js$/, runBy(DOCS_TEST, "'CFMR_KAFKA_TOPICS=dead-letters'")],
  [/^for topic in [\s\S]*zookeeper-shell\.sh [\s\S]* > offsets\.csv\n$/, runBy(DOCS_TEST, "'--from-file'")],
  [/^kafka-consumer-groups\.sh .*--from-file/, runBy(DOCS_TEST, "'--from-file'")],
  [/^kafka-consumer-groups\.sh .*--to-datetime/, runBy(DOCS_TEST, "'--to-datetime'")],
  [/^kafka-console-consumer\.sh /, runBy(DOCS_TEST, "'kafka-console-consumer.sh'")],
  [/^cf-metrics-refinery decrypt --identity /, runBy('test/integration/s3.test.ts', "args: ['decrypt'")],
  [/^age -d -i \S+ OBJECT \| zcat$/, runBy('dev/age.ts', "['-d', '-i', file]")],
  [/^cf-metrics-refinery check$/, runBy('test/integration/check-program.test.ts', "args: ['check'")],
  // `influx help v1 dbrp create` of version 2 lists these, and asks for an InfluxDB 2.
  [/^influx v1 dbrp create( --(bucket-id ID|db cf|rp autogen|default)){4}$/, () => {}],
  [/^promtool test rules alerts\.test\.yml$/, runBy('test/integration/prometheus.test.ts', "'alerts.test.yml'")],
  // `uaac client add --help` lists these.
  [/^uaac client add \S+( --(authorized_grant_types|authorities) \S+){2} -s '[^']+'$/, () => {}],
  [/^cf /, checkCf],
]

describe.each(PAGES)('%s', (page) => {
  it('has no command that nobody has tried', () => {
    for (const { text } of commands(page)) {
      const proofs = PROOFS.filter(([command]) => command.test(text))
      expect(proofs, text).toHaveLength(1)
      proofs[0]?.[1](text)
    }
  })

  it('says of each block what it is', () => {
    for (const { language, text } of codeBlocks(page)) expect(['sh', 'json', 'sql', 'text'], text).toContain(language)
  })

  it('links to what is there', () => {
    for (const [, link = ''] of pageText(page).matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page : join(dirname(page), path)
      expect(existsSync(join(root, target)), link).toBe(true)
      if (anchor !== undefined) expect(anchorsOf(pageText(target)), link).toContain(anchor)
    }
  })
})

function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}

it('no proof is left over from a command that is gone', () => {
  const texts = PAGES.flatMap(commands).map(({ text }) => text)
  expect(PROOFS.filter(([command]) => !texts.some((text) => command.test(text))).map(([command]) => command.source)).toEqual([])
})

it('the configuration of docs/deploying.md is one', () => {
  const credentials = JSON.parse(blockWith('docs/deploying.md', 'CFMR_KAFKA_BROKERS')) as Record<string, string>
  const services = { 'user-provided': [{ name: manifestApp().services[0], credentials }] }
  expect(readConfig({ VCAP_SERVICES: JSON.stringify(services) }, 'run').warnings).toEqual([])
  expect(() => readConfig({ VCAP_SERVICES: '{}' }, 'run')).toThrow(ConfigError)
})

it('the configuration of docs/deploying.md without Kafka is one', () => {
  const credentials = JSON.parse(blockWith('docs/deploying.md', '"CFMR_INPUT": "firehose"')) as Record<string, string>
  const services = { 'user-provided': [{ name: manifestApp().services[0], credentials }] }
  expect(readConfig({ VCAP_SERVICES: JSON.stringify(services) }, 'run').inputs.map(({ name }) => name)).toEqual(['firehose'])
})

it('the manifest has attributes that there are, two instances, its secrets in a service, and is watched where the worker answers', () => {
  const { env, ...app } = manifestApp()
  expect(MANIFEST).toEqual(expect.arrayContaining(Object.keys(app)))
  expect(env).toBeUndefined()
  expect(app).toMatchObject({ instances: 2, 'health-check-type': 'http', buildpacks: ['nodejs_buildpack'] })
  expect([...PUBLIC_PATHS]).toContain(app['health-check-http-endpoint'])
})

it.each(['alerts.yml', 'scrape.example.yml'])('deploy/prometheus/%s names commands that there are', (file) => {
  const text = readFileSync(join(root, 'deploy/prometheus', file), 'utf8')
  const found = [...text.matchAll(/(?:^ *# *|`)(cf [a-z][^`\n]*)/gm)].map(([, command = '']) => command)
  expect(found.length).toBeGreaterThan(0)
  for (const command of found) checkCf(command)
  // The next push with `no-route` would undo it.
  expect(text).not.toContain('cf map-route')
})

it('docs/operating.md says what each figure of /stats means', () => {
  const { app: _, runtime: __, kafka, ...stats } = new Stats(quietSources().sources).snapshot()
  const paths = Object.entries({ ...stats, kafka: { ...kafka, partitions: undefined } }).flatMap(([group, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value).map((key) => `${group}.${key}`) : [group],
  )
  const section = pageText('docs/operating.md').split('## What the figures mean\n')[1]?.split('\n## ')[0] ?? ''
  const named = [...section.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, names = '']) => names.replaceAll('`', '').split(', '))
  expect(named.sort()).toEqual([...paths, 'app', 'runtime'].sort())
})

it('the manifest asks for the service and names the app that docs/deploying.md does', () => {
  const { name, services } = manifestApp()
  expect(pageText('docs/deploying.md')).toContain(`cf create-user-provided-service ${services[0]} `)
  expect(pageText('docs/deploying.md')).toContain(`cf run-task ${name} `)
})

it('the heaps of docs/deploying.md are those of the command of the manifest', () => {
  const bin = scratchFolder('bin')
  writeFileSync(join(bin, 'node'), '#!/bin/sh\necho "$1"\n', { mode: 0o755 })
  const rows = [...pageText('docs/deploying.md').matchAll(/^\| (\d+)([MG]) \| (\d+) MB \|/gm)]
  expect(rows.length).toBeGreaterThan(2)
  for (const [, size, unit, heap] of rows) {
    // The platform gives it in MB, whatever the manifest says.
    const env = { PATH: bin, MEMORY_LIMIT: `${unit === 'G' ? Number(size) * 1024 : size}m` }
    const { stdout } = spawnSync('/bin/sh', ['-c', manifestApp().command], { env, encoding: 'utf8' })
    expect(stdout.trim()).toBe(`--max-old-space-size=${heap}`)
  }
})

it('docs/operating.md sizes by the throughput that the README has measured', () => {
  const [, cpu = '', perSecond = ''] =
    /\| the whole worker, .*?\(([\d.]+) s a million\), ([\d,]+) envelopes a second/.exec(pageText('README.md')) ?? []
  expect(pageText('docs/operating.md')).toContain(
    `One instance took ${perSecond} envelopes a second (622 bytes each, ${cpu} CPU seconds a million)`,
  )
})

it('the manifest has nothing that cf takes for a variable to fill in', () => {
  expect(manifestText).not.toMatch(/\(\(!?[-/.\w]+\)\)/)
})

it('a Kubernetes Service named cfmr makes variables that are refused, as docs/operating.md says', () => {
  const ours = JSON.parse(blockWith('docs/deploying.md', 'CFMR_KAFKA_BROKERS')) as Record<string, string>
  expect(() => readConfig({ ...ours, CFMR_SERVICE_HOST: '10.0.0.1', CFMR_PORT: 'tcp://10.0.0.1:8080' }, 'run')).toThrow(
    /CFMR_SERVICE_HOST[\s\S]*CFMR_PORT/,
  )
})
