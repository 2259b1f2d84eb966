import { expect, it } from 'vitest'
import { drill } from '../../dev/drill/drill.ts'
import { shared } from '../support/shared.ts'

it('a minute of kills, freezes and restarts of everything loses nothing', async () => {
  await shared('program')
  const said: string[] = []
  const result = await drill({
    minutes: 1,
    seed: 7,
    perSecond: 1500,
    instances: 2,
    stop: AbortSignal.timeout(120_000),
    say: (text) => said.push(text),
  })
  expect(result, said.join('\n')).toMatchObject({ lost: 0, documents_lost: 0, gaps: 0, dead_letters: 0, unexpected: [] })
  expect(Object.values(result.faults).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(5)
})
