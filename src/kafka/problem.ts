import { errorText } from '../lib/error-text.ts'
import { withReadableAddresses } from './address.ts'

export interface KafkaProblem {
  readonly kind: 'authentication' | 'tls' | 'authorization' | 'group' | 'unreachable' | 'other'
  /** A sentence that says what happened and which variable to look at. */
  readonly message: string
}

/**
 * What an error of kafkajs, or of a socket to Kafka, means to an operator. Authentication, TLS and authorization stay as they
 * are until somebody acts; the rest may pass by itself.
 */
export function explainKafkaError(thrown: unknown): KafkaProblem {
  const { kind, message } = explain(thrown)
  return { kind, message: withReadableAddresses(message) }
}

function explain(thrown: unknown): KafkaProblem {
  const chain = chainOf(thrown)
  for (const read of [tlsProblem, authenticationProblem, authorizationProblem, groupProblem, coordinatorProblem, unreachableProblem]) {
    for (const link of chain) {
      const problem = read(link)
      if (problem !== undefined) return problem
    }
  }
  return { kind: 'other', message: `Kafka: ${errorText(thrown)}` }
}

interface Link {
  readonly name: string
  readonly type: string
  readonly code: string
  readonly text: string
  /** The broker, where the error knows it: `host:port`. */
  readonly broker: string | undefined
}

function chainOf(thrown: unknown): readonly Link[] {
  const links: Link[] = []
  for (let error = thrown; error instanceof Error && links.length < 8; error = error.cause) {
    const { type, code, broker } = error as { type?: unknown; code?: unknown; broker?: unknown }
    links.push({
      name: error.name,
      type: typeof type === 'string' ? type : '',
      code: typeof code === 'string' ? code : '',
      text: errorText(error),
      broker: typeof broker === 'string' ? broker : undefined,
    })
  }
  return links
}

const UNKNOWN_AUTHORITY = /unable to (verify the first|get (local )?issuer) certificate|self[- ]signed certificate/i
const TLS_CODE = /^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA|EPROTO$)/
const TLS_TEXT = /certificate|SSL routines|PEM routines|wrong version number|does not match certificate's altnames|key values mismatch/i

function tlsProblem({ code, text, broker }: Link): KafkaProblem | undefined {
  if (!TLS_CODE.test(code) && !TLS_TEXT.test(text)) return undefined
  const where = broker === undefined ? 'TLS with Kafka failed' : `TLS with Kafka at ${broker} failed`
  return { kind: 'tls', message: `${where} (${text}): ${tlsCure(code, text)}` }
}

function tlsCure(code: string, text: string): string {
  if (UNKNOWN_AUTHORITY.test(text)) return "set CFMR_KAFKA_SSLCA to the certificate of the authority that signed the broker's"
  if (/ALTNAME/.test(code) || /altnames/.test(text)) {
    return "the name in CFMR_KAFKA_BROKERS, or the one the broker advertises, is not in the broker's certificate"
  }
  if (/EXPIRED|NOT_YET_VALID/.test(code) || /expired|not yet valid/.test(text))
    return "look at the dates of the broker's certificate and at the clock"
  if (/wrong version number|packet length too long|http request/i.test(text)) {
    return 'this port does not speak TLS; look at CFMR_KAFKA_BROKERS and CFMR_KAFKA_SSL'
  }
  if (/PEM|no start line|key values mismatch|asn1/i.test(text)) {
    return 'CFMR_KAFKA_SSLCA, CFMR_KAFKA_SSLCERT or CFMR_KAFKA_SSLKEY is not the PEM text it should be'
  }
  if (/alert/i.test(text)) return 'the broker refused our certificate; look at CFMR_KAFKA_SSLCERT and CFMR_KAFKA_SSLKEY'
  return 'look at CFMR_KAFKA_SSLCA, CFMR_KAFKA_SSLCERT and CFMR_KAFKA_SSLKEY'
}

const CONNECTION_LOST = /closed|connection|connected|timed out|timeout|ECONN|EPIPE/i

function authenticationProblem({ name, type, text }: Link): KafkaProblem | undefined {
  if (type === 'UNSUPPORTED_SASL_MECHANISM' || /mechanism is not supported/.test(text)) {
    return { kind: 'authentication', message: `Kafka does not offer this SASL mechanism (${text}): look at CFMR_KAFKA_SASLMECHANISM` }
  }
  if (type === 'ILLEGAL_SASL_STATE') {
    return {
      kind: 'authentication',
      message: `this port of Kafka expects no login (${text}): look at CFMR_KAFKA_BROKERS and CFMR_KAFKA_SASLMECHANISM`,
    }
  }
  // kafkajs gives this name to whatever happens during a login, so also to a broker that goes down meanwhile.
  if (type === 'SASL_AUTHENTICATION_FAILED' || (name === 'KafkaJSSASLAuthenticationError' && !CONNECTION_LOST.test(text))) {
    return {
      kind: 'authentication',
      message: `Kafka refused the login (${text}): look at CFMR_KAFKA_SASLUSERNAME, CFMR_KAFKA_SASLPASSWORD and CFMR_KAFKA_SASLMECHANISM`,
    }
  }
  return undefined
}

function authorizationProblem({ type, text }: Link): KafkaProblem | undefined {
  if (!type.endsWith('AUTHORIZATION_FAILED')) return undefined
  const cure =
    type === 'GROUP_AUTHORIZATION_FAILED'
      ? 'the account needs READ on the group of CFMR_KAFKA_CONSUMERGROUP'
      : type === 'TOPIC_AUTHORIZATION_FAILED'
        ? 'the account needs READ and DESCRIBE on the topics of CFMR_KAFKA_TOPICS, and WRITE on the one of CFMR_KAFKA_DEADLETTERTOPIC'
        : 'look at the rights of the account of CFMR_KAFKA_SASLUSERNAME'
  return { kind: 'authorization', message: `Kafka does not let this account do that (${text}): ${cure}` }
}

/** What Kafka does not accept of a member of the group, however often it asks. */
function groupProblem({ type, text }: Link): KafkaProblem | undefined {
  const cure = GROUP_CURES[type]
  return cure === undefined ? undefined : { kind: 'group', message: `Kafka does not let this instance into the group (${text}): ${cure}` }
}

const GROUP_CURES: Readonly<Record<string, string>> = {
  INVALID_SESSION_TIMEOUT:
    "set CFMR_KAFKA_SESSIONTIMEOUT to what the brokers' group.min.session.timeout.ms and group.max.session.timeout.ms allow",
  INCONSISTENT_GROUP_PROTOCOL:
    'members of another kind are in it: set CFMR_KAFKA_CONSUMERGROUP to a group that nobody else uses, or stop the others',
  GROUP_MAX_SIZE_REACHED: "it has as many members as the brokers' group.max.size allows: run fewer instances, or raise that",
}

/** kafkajs tells nobody why it has found none. */
function coordinatorProblem({ name, text }: Link): KafkaProblem | undefined {
  if (name !== 'KafkaJSGroupCoordinatorNotFound') return undefined
  const cure =
    'it may be starting; when this lasts, the account may lack READ on the group of CFMR_KAFKA_CONSUMERGROUP: `cf-metrics-refinery check` tells'
  return { kind: 'unreachable', message: `Kafka names no coordinator for the group (${text}): ${cure}` }
}

const UNREACHABLE_NAME =
  /^KafkaJS(Connection(Closed)?Error|RequestTimeoutError|BrokerNotFound|NoBrokerAvailableError|SASLAuthenticationError)$/
const UNREACHABLE_CODE = /^(ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE)/

function unreachableProblem({ name, code, text, broker }: Link): KafkaProblem | undefined {
  if (!UNREACHABLE_NAME.test(name) && !UNREACHABLE_CODE.test(code)) return undefined
  const where = broker === undefined ? 'Kafka does not answer' : `Kafka does not answer at ${broker}`
  const cure = /closed|disconnected|socket hang up|ECONNRESET/i.test(`${text} ${code}`)
    ? 'it hung up; when it never works, this port may want TLS or a login: look at CFMR_KAFKA_SSL and CFMR_KAFKA_SASLMECHANISM'
    : 'is it up, and is CFMR_KAFKA_BROKERS right?'
  return { kind: 'unreachable', message: `${where} (${text}): ${cure}` }
}
