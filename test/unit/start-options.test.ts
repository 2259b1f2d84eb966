import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

/** What is between `node` and the program, for each way of starting it that the project brings. */
const WAYS = {
  'npm start': ['package.json', /"start": "node (.*) dist\/main\.js"/],
  'cf push': ['manifest.yml', /exec node(.*)dist\/main\.js/s],
  'the image': ['deploy/docker/Dockerfile', /^ENTRYPOINT \["node", (.*), "dist\/main\.js"\]$/m],
  systemd: ['deploy/docker/cf-metrics-refinery.service', /^ExecStart=\S+\/node (.*) \S+\/dist\/main\.js$/m],
} as const

test.each(Object.entries(WAYS))('%s has V8 compile hot functions before it goes on', (_, [path, command]) => {
  expect(command.exec(read(path))?.[1]).toContain('--no-concurrent-recompilation')
})
