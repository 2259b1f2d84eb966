import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { type ISocketFactory, type KafkaConfig, type LogEntry, logLevel, type SASLOptions } from 'kafkajs'
import type { Logger } from 'pino'
import { limitedLog } from '../lib/limited-log.ts'
import { addressForKafkajs, hostOf } from './address.ts'
import { keepErrorsApart } from './answers.ts'
import { explainKafkaError, type KafkaProblem } from './problem.ts'
import { restWithoutRequests } from './request-queue.ts'
import { readWholeAnswers, takeWholeAnswers } from './whole-answers.ts'

export interface KafkaConnectionOptions {
  /** `host:port` or `[IPv6]:port` each. */
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly ssl: boolean
  /** The three as PEM text. */
  readonly sslCa?: string | undefined
  readonly sslCert?: string | undefined
  readonly sslKey?: string | undefined
  readonly skipSslValidation?: boolean
  /** Certificates of authorities, in PEM, in place of Node's own; `sslCa` stands above them. */
  readonly trusted?: readonly string[] | undefined
  readonly saslMechanism?: 'plain' | 'scram-sha-256' | 'scram-sha-512' | undefined
  readonly saslUsername?: string | undefined
  readonly saslPassword?: string | undefined
  readonly log: Logger
  /**
   * A certificate was refused, theirs or ours. kafkajs retries that as if the broker were away, so whoever wants to give up
   * at once has to listen here.
   */
  readonly onTlsFailure?: (problem: KafkaProblem) => void
}

/** What every client of ours needs to reach Kafka. `retry` is left to the caller: a consumer waits longer than a check. */
export function kafkaConfig(options: KafkaConnectionOptions): KafkaConfig {
  keepErrorsApart()
  restWithoutRequests()
  takeWholeAnswers()
  return {
    brokers: options.brokers.map(addressForKafkajs),
    clientId: options.clientId,
    connectionTimeout: 5000,
    requestTimeout: 15_000,
    ...tls(options),
    ...sasl(options),
    socketFactory: reportingSocketFactory(options.onTlsFailure),
    logLevel: logLevel.INFO,
    logCreator: kafkaLog(options.log),
  }
}

function tls({ ssl, sslCa, sslCert, sslKey, trusted, skipSslValidation = false }: KafkaConnectionOptions): Pick<KafkaConfig, 'ssl'> {
  if (!ssl) return {}
  return {
    ssl: {
      rejectUnauthorized: !skipSslValidation,
      ...(sslCa !== undefined ? { ca: sslCa } : trusted && { ca: [...trusted] }),
      ...(sslCert !== undefined && { cert: sslCert }),
      ...(sslKey !== undefined && { key: sslKey }),
    },
  }
}

function sasl({ saslMechanism, saslUsername = '', saslPassword = '' }: KafkaConnectionOptions): Pick<KafkaConfig, 'sasl'> {
  if (saslMechanism === undefined) return {}
  return { sasl: { mechanism: saslMechanism, username: saslUsername, password: saslPassword } as SASLOptions }
}

/** kafkajs's own socket factory, with an ear at TLS errors, and sockets that are gone when they are given up. */
function reportingSocketFactory(onTlsFailure: KafkaConnectionOptions['onTlsFailure']): ISocketFactory {
  return ({ host: name, port, ssl, onConnect }) => {
    const host = hostOf(name)
    let isConnected = false
    const connected = () => {
      isConnected = true
      onConnect()
    }
    const socket: Socket = ssl
      ? connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...ssl }, connected)
      : connectTcp({ host, port, onread: readWholeAnswers((answer) => socket.emit('data', answer)) }, connected)
    socket.setKeepAlive(true, 60_000)
    destroyUnused(socket, () => isConnected)
    if (ssl && onTlsFailure) {
      socket.on('error', (error) => {
        const problem = explainKafkaError(error)
        if (problem.kind === 'tls') onTlsFailure(problem)
      })
    }
    return socket
  }
}

/**
 * kafkajs gives a socket up by `unref()`, each time it disconnects, also one that has been closed for long. Node then waits for
 * a connection to do it, which never comes, and from the eleventh time on prints a warning of too many listeners. One that is
 * still connecting would go on with that for minutes.
 */
function destroyUnused(socket: Socket, isConnected: () => boolean): void {
  const { unref } = socket
  socket.unref = () => (isConnected() && !socket.destroyed ? unref.call(socket) : socket.destroy())
}

/**
 * kafkajs writes ERROR for what it then retries, and for each answer of a broker that is part of a quiet life (a rebalance, a
 * moved leader). Whoever uses the client knows what an error means for the data and says so; this is the background to it.
 */
function kafkaLog(log: Logger) {
  const limited = limitedLog(log)
  return () =>
    ({ namespace, level, log: { timestamp: _, logger: __, message, stack: ___, ...fields } }: LogEntry): void => {
      const text = `kafkajs: ${namespace ? `${namespace}: ` : ''}${String(message)}`
      if (level > logLevel.WARN || text.includes('Response ')) log.debug(fields, text)
      else limited.warn(text.replace(/\d+/g, '#'), fields, text)
    }
}
