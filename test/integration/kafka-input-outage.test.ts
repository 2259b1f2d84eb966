import { readFileSync } from 'node:fs'
import { pino } from 'pino'
import { afterEach, expect, test } from 'vitest'
import { freePorts } from '../../dev/free-port.ts'
import { type KafkaServer, startKafka } from '../../dev/kafka.ts'
import { kafkaConfig } from '../../src/kafka/connection.ts'
import { closeReaders, numbers, Platform, Reader, until } from './kafka-input-reader.ts'

let server: KafkaServer | undefined

afterEach(async () => {
  server?.thaw()
  await closeReaders()
  await server?.close()
  server = undefined
})

test('Kafka away at the start, and then for good: it tries until it is there, and gives up when it has been away for too long', async () => {
  const [port = 0] = await freePorts(1)
  const options = { brokers: [`127.0.0.1:${port}`], topics: ['topic'], topicRefreshMs: 500 }
  const patient = new Reader({ ...options, groupId: 'patient' })
  await until('it has tried', () => patient.lines('cannot be reached').length > 0)
  expect(patient.input.notReady()).toEqual([expect.stringContaining('has not joined the group patient')])
  server = await startKafka({ port })
  const platform = await Platform.connect(server.brokers)
  await platform.createTopic('topic')
  await platform.send('topic', numbers(0, 10))
  const impatient = new Reader({ ...options, groupId: 'impatient', giveUpMs: 8000 })
  for (const [groupId, reader] of Object.entries({ patient, impatient })) {
    await until('it reads', () => reader.received.length === 10)
    await until('it has committed', async () => String(await platform.committed(groupId, 'topic')) === '10')
  }
  await platform.close()

  await server.kill()
  await until('it says so', () => patient.input.notReady().join().includes('no sign of life'))
  await impatient.done
  expect(impatient.failure?.name).toBe('GaveUp')
  expect(impatient.failure?.message).toContain(`127.0.0.1:${port}`)
  expect(impatient.failure?.message).toContain('Nothing is lost')
  expect(await impatient.close(2000)).toBe(0)
  expect(patient.failure).toBeUndefined()
})

test('a broker that is killed, or frozen for longer than the session, costs nothing: it goes on when Kafka is back', async () => {
  server = await startKafka()
  const platform = await Platform.connect(server.brokers)
  await platform.createTopic('topic', 3)
  const reader = new Reader({ brokers: server.brokers, groupId: 'group', topics: ['topic'] })
  for (let partition = 0; partition < 3; partition++)
    await platform.send('topic', numbers(partition * 100, partition * 100 + 100), partition)
  await until('it reads', () => reader.received.length === 300)
  await until('it has committed', async () => String(await platform.committed('group', 'topic')) === '100,100,100')

  await server.kill()
  await until('it is missed', () => reader.input.notReady().length > 0)
  await server.restart()
  await platform.send('topic', numbers(300, 400))
  await until('it reads on', () => reader.received.length === 400)
  await until('it has committed', async () => String(await platform.committed('group', 'topic')) === '200,100,100')

  server.freeze()
  await until('it is missed', () => reader.input.notReady().length > 0)
  server.thaw()
  await platform.send('topic', numbers(400, 500), 1)
  await until('it reads on', () => reader.received.length === 500)
  await until('it has committed', async () => String(await platform.committed('group', 'topic')) === '200,200,100')
  expect(reader.values.map(Number).sort((a, b) => a - b)).toEqual(numbers(0, 500).map(Number))
  expect(reader.residue).toBe(0)
  await platform.close()

  server.freeze()
  const sinceMs = Date.now()
  await reader.close(3000)
  expect(Date.now() - sinceMs).toBeLessThan(4000)
})

test('a wrong password or certificate ends it at once, with what is wrong', async () => {
  server = await startKafka({ secure: true })
  const { saslBrokers = [], username = '', certificates } = server.secure ?? {}
  const ca = (path = '') => readFileSync(path, 'utf8')
  const secure = (over: { readonly sslCa?: string }) => {
    const reader = new Reader({
      brokers: saslBrokers,
      groupId: 'group',
      topics: ['topic'],
      kafka: kafkaConfig({
        brokers: saslBrokers,
        clientId: 'test',
        ssl: true,
        sslCa: ca(certificates?.ca),
        saslMechanism: 'scram-sha-256',
        saslUsername: username,
        saslPassword: 'wrong',
        log: pino({ enabled: false }),
        ...over,
      }),
    })
    return reader
  }
  const wrongPassword = secure({})
  await wrongPassword.done
  expect(wrongPassword.failure?.message).toContain('CFMR_KAFKA_SASLPASSWORD')
  const wrongAuthority = secure({ sslCa: ca(certificates?.otherCa) })
  await wrongAuthority.done
  expect(wrongAuthority.failure?.message).toContain('CFMR_KAFKA_SSLCA')
})
