import { expect, it } from 'vitest'
import { soak } from '../../dev/soak/soak.ts'
import { shared } from '../support/shared.ts'

const REQUESTS = 3000

it('requests, apps that come and go, rebalances and failures leave nothing on the heap', async () => {
  await shared('program')
  const said: string[] = []
  const { heap_bytes, ...result } = await soak({
    goesOn: (rounds) => rounds < 12,
    requests: REQUESTS,
    apps: 300,
    say: (text) => said.push(text),
  })
  expect(result.unexpected).toEqual([])
  // 90 bytes a request were once left behind: 270 KB a round.
  expect(result.growth_bytes_per_round, said.join('\n')).toBeLessThan(REQUESTS * 60)
})
