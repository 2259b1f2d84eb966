import kafkajs from 'kafkajs'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type KafkaServer, startKafka } from '../../dev/kafka.ts'
import { kafkaConfig } from '../../src/kafka/connection.ts'
import { closeReaders, numbers, Platform, Reader, until } from '../integration/kafka-input-reader.ts'

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs
let server: KafkaServer
let platform: Platform

beforeAll(async () => {
  server = await startKafka({
    secure: true,
    properties: {
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
      'allow.everyone.if.no.acl.found': 'true',
    },
  })
  platform = await Platform.connect(server.brokers)
})

afterAll(async () => {
  await closeReaders()
  await platform?.close()
  await server?.close()
})

it('a topic that a pattern matches and the account may not read is named, the others are read, and it too once it may be', async () => {
  const { saslBrokers = [], username = '', password = '', certificates } = server.secure ?? {}
  await platform.createTopic('own-open')
  await platform.createTopic('own-forbidden')
  await platform.send('own-open', numbers(0, 10))
  await platform.send('own-forbidden', numbers(10, 20))
  const acl = {
    resourceType: AclResourceTypes.TOPIC,
    resourceName: 'own-forbidden',
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: `User:${username}`,
    host: '*',
    operation: AclOperationTypes.READ,
    permissionType: AclPermissionTypes.DENY,
  }
  const describe = { ...acl, operation: AclOperationTypes.DESCRIBE, permissionType: AclPermissionTypes.ALLOW }
  await platform.admin.createAcls({ acl: [acl, describe] })

  const log = pino({ enabled: false })
  const login = { saslMechanism: 'plain', saslUsername: username, saslPassword: password } as const
  const kafka = kafkaConfig({
    brokers: saslBrokers,
    clientId: 'test',
    ssl: true,
    skipSslValidation: certificates !== undefined,
    ...login,
    log,
  })
  const reader = new Reader({ brokers: saslBrokers, kafka, groupId: 'group', topics: ['/^own-/'] })
  await until('the other topic is read', () => reader.received.length === 10)
  await until('it says which it may not read', () => reader.input.notReady().join().includes('may not read the topic own-forbidden'))
  expect(reader.lines('may not read the topic own-forbidden')).toMatchObject([{ level: 50, topic: 'own-forbidden' }])
  await platform.send('own-open', numbers(20, 30))
  await until('the other topic is read on', () => reader.received.length === 20)
  expect([reader.failure, reader.joins]).toEqual([undefined, 1])

  await platform.admin.deleteAcls({ filters: [acl] })
  await platform.admin.createAcls({ acl: [{ ...acl, permissionType: AclPermissionTypes.ALLOW }] })
  await until('it is read once it may be', () => reader.received.length === 30)
  await until('it is ready', () => reader.input.notReady().length === 0)
})
