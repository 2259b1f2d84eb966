import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { ConfigError } from '../../src/errors.ts'
import { blockWith, codeBlocks, commands, PAGES, pageText } from '../support/documents.ts'
import { manifestApp, manifestText } from '../support/manifest.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }

/** The options of `cf` that the pages use, as `cf help COMMAND` of version 8 lists them. */
const CF: Readonly<Record<string, readonly string[]>> = {
  push: ['--strategy'],
  target: ['-o', '-s'],
  'create-user-provided-service': ['-p'],
  'update-user-provided-service': ['-p'],
  'run-task': ['--command', '--name', '--wait'],
  logs: ['--recent'],
  ssh: ['-i', '-N', '-L'],
  restart: ['--strategy'],
  scale: ['-i'],
}

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

const runBy = (file: string, how: string) => (text: string) => expect(readFileSync(join(root, file), 'utf8'), text).toContain(how)
const DOCS_TEST = 'test/integration/docs.test.ts'

/** How each documented command is known to work. Where it needs a foundation, or more than a minute, its options are checked here. */
const PROOFS: readonly (readonly [command: RegExp, check: (text: string) => void])[] = [
  [/^npm (ci|install)$/, runBy('dev/set-up.mjs', "'npm ci'")],
  [/^npm run build$/, runBy('test/support/stack.ts', "['run', '--silent', 'build']")],
  [/^npm test$/, checkScript],
  [/^npm run (demo|test:unit|check|bench|drill|boards|readme|screenshot|fuzz|push)( -- .*)?$/, checkScript],
  [/^npm start$/, runBy(DOCS_TEST, "'npm start'")],
  [/^npx vitest run test\/integration\/NAME\.test\.ts$/, () => expect(existsSync(join(root, 'test/integration/docs.test.ts'))).toBe(true)],
  [/^export CFMR_/, runBy(DOCS_TEST, "'export CFMR_KAFKA_BROKERS'")],
  [/^node dist\/main\.js check$/, runBy(DOCS_TEST, "'export CFMR_KAFKA_BROKERS'")],
  [/^CFMR_CF_API=\S+ node dist\/main\.js replay /, runBy(DOCS_TEST, "'main.js replay'")],
  [/^CFMR_KAFKA_TOPICS=dead-letters .* node dist\/main\.js$/, runBy(DOCS_TEST, "'CFMR_KAFKA_TOPICS=dead-letters'")],
  [/^for topic in [\s\S]*zookeeper-shell\.sh [\s\S]* > offsets\.csv\n$/, runBy(DOCS_TEST, "'--from-file'")],
  [/^kafka-consumer-groups\.sh .*--from-file/, runBy(DOCS_TEST, "'--from-file'")],
  [/^kafka-consumer-groups\.sh .*--to-datetime/, runBy(DOCS_TEST, "'--to-datetime'")],
  [/^kafka-console-consumer\.sh /, runBy(DOCS_TEST, "'kafka-console-consumer.sh'")],
  [/^promtool test rules alerts\.test\.yml$/, runBy('test/integration/prometheus.test.ts', "'alerts.test.yml'")],
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

it('the manifest asks for the service and names the app that docs/deploying.md does', () => {
  const { name, services } = manifestApp()
  expect(pageText('docs/deploying.md')).toContain(`cf create-user-provided-service ${services[0]} `)
  expect(pageText('docs/deploying.md')).toContain(`cf run-task ${name} `)
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
