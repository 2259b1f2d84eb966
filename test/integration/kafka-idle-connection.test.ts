import { createHook } from 'node:async_hooks'
import kafkajs from 'kafkajs'
import { expect, it } from 'vitest'
import { waitUntil } from '../../dev/wait-until.ts'
import { restWithoutRequests } from '../../src/kafka/request-queue.ts'
import { sleep } from '../../src/lib/sleep.ts'
import { shared } from '../support/shared.ts'

/** Timers that kafkajs's request queues make from now on, until it is disabled. */
function countQueueTimers() {
  const timers = { count: 0, disable: () => void hook.disable() }
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'Timeout' && new Error().stack?.includes('requestQueue')) timers.count++
    },
  }).enable()
  return timers
}

it('an idle connection of kafkajs, which by itself makes a timer every millisecond, makes none', async () => {
  const { brokers } = await shared('kafka')
  const admin = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  const timers = countQueueTimers()
  try {
    await admin.listTopics()
    await waitUntil('kafkajs by itself makes one timer after the other', () => timers.count > 20)

    restWithoutRequests()
    await admin.listTopics()
    // What was made before ends by itself.
    await waitUntil('no timer is made for a while', async () => {
      const before = timers.count
      for (let turns = 0; turns < 100; turns++) await sleep(1)
      return timers.count === before
    })
    expect((await admin.listTopics()).length).toBeGreaterThanOrEqual(0)
  } finally {
    timers.disable()
    await admin.disconnect()
  }
})
