import { describe, expect, it } from 'vitest'
import { explainKafkaError } from '../../../src/kafka/problem.ts'

/** As kafkajs makes them: told apart by name, type and fields. */
const kafkaError = (name: string, message: string, fields: object = {}) => Object.assign(new Error(message), { name, ...fields })
const protocolError = (type: string) => kafkaError('KafkaJSProtocolError', `said ${type}`, { type })
const retriesExceeded = (cause: Error) => kafkaError('KafkaJSNumberOfRetriesExceeded', cause.message, { cause })

describe('an error of kafkajs', () => {
  it('is still understood behind the retries that hid it', () => {
    expect(explainKafkaError(retriesExceeded(protocolError('SASL_AUTHENTICATION_FAILED'))).kind).toBe('authentication')
    expect(explainKafkaError(retriesExceeded(new Error('Connection error: unable to verify the first certificate'))).kind).toBe('tls')
  })

  it('is no refused login where the broker went down during one', () => {
    const problem = explainKafkaError(kafkaError('KafkaJSSASLAuthenticationError', 'SASL PLAIN authentication failed: Closed connection'))
    expect(problem.kind).toBe('unreachable')
  })

  it('names the right that is missing', () => {
    expect(explainKafkaError(protocolError('GROUP_AUTHORIZATION_FAILED'))).toMatchObject({
      kind: 'authorization',
      message: expect.stringContaining('CFMR_KAFKA_CONSUMERGROUP'),
    })
    expect(explainKafkaError(protocolError('TOPIC_AUTHORIZATION_FAILED')).message).toContain('CFMR_KAFKA_TOPICS')
    expect(explainKafkaError(protocolError('CLUSTER_AUTHORIZATION_FAILED')).kind).toBe('authorization')
  })

  it('names the broker that does not answer', () => {
    const error = kafkaError('KafkaJSConnectionClosedError', 'Closed connection', { broker: 'kafka-1:9092' })
    expect(explainKafkaError(error)).toMatchObject({ kind: 'unreachable', message: expect.stringContaining('kafka-1:9092') })
  })

  it('asks for the right to the group where no coordinator is found: kafkajs keeps the reason to itself', () => {
    const error = kafkaError('KafkaJSGroupCoordinatorNotFound', 'Failed to find group coordinator')
    expect(explainKafkaError(error)).toMatchObject({ kind: 'unreachable', message: expect.stringMatching(/READ on the group.*check/) })
  })

  it('is passed on in its own words where there are no better ones', () => {
    expect(explainKafkaError(protocolError('GROUP_ID_NOT_FOUND'))).toEqual({ kind: 'other', message: 'Kafka: said GROUP_ID_NOT_FOUND' })
    expect(explainKafkaError('text')).toEqual({ kind: 'other', message: 'Kafka: text' })
  })
})
