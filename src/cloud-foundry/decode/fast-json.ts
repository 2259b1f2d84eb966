import { type AppEvent, CONTAINER, DISCARDED, HTTP, LOG, NO_APP_GUID, POINT, UNSURE, type Verdict } from '../app-event.ts'
import { difference, digitAt, EXACT_DIGITS, int, numberAt, shortestDecimal, timestamp, uint, uint64 } from './json-number.ts'
import { base64, base64Size, byte, bytes, has, isEnd, type Key, key, open, plainString, skip, string, view } from './json-text.ts'

/**
 * Decodes an envelope spelled just as kafka-firehose-nozzle spells it: sonde-go's order of keys, no white space, canonical
 * numbers. Each function below reads like that schema. `UNSURE` is all it says of anything else: the exact decoder has to look.
 * The event's spans last until `forget`.
 */
export function decodeFastJson(message: Uint8Array, event: AppEvent): Verdict {
  event.bytes = bytes
  event.view = view
  event.guid = ''
  event.isJsonText = true
  event.absent = 0
  return decodeEnvelope(open(message), event)
}

const ORIGIN = key('{"origin":"')
const EVENT_TYPE = key(',"eventType":')
const TIMESTAMP = key(',"timestamp":')
const DEPLOYMENT = key(',"deployment":"')
const JOB = key(',"job":"')
const INDEX = key(',"index":"')
/** With the quote that closes the value before it, so that it fills a word. */
const IP = key('","ip":"')
const TAGS = key(',"tags":{"')

function decodeEnvelope(start: number, event: AppEvent): Verdict {
  let at = skip(ORIGIN, start)
  at = skip(EVENT_TYPE, string(at))
  const eventType = digitAt(at)
  event.timestamp = at = skip(TIMESTAMP, uint(1, at))
  event.timestampEnd = at = timestamp(at)
  at = optionalString(DEPLOYMENT, at)
  at = optionalString(JOB, at)
  at = optionalString(INDEX, at)
  if (has(IP, at - 1)) at = string(at - 1 + IP.length)
  if (has(TAGS, at)) at = tags(at + TAGS.length)
  if (eventType === LOG) return decodeLogMessage(at, event)
  if (eventType === HTTP) return decodeHttpStartStop(at, event)
  if (eventType === CONTAINER) return decodeContainerMetric(at, event)
  return UNSURE
}

const HTTP_START_STOP = key(',"httpStartStop":{')
const START_TIMESTAMP = key('"startTimestamp":')
const STOP_TIMESTAMP = key(',"stopTimestamp":')
const REQUEST_ID = key(',"requestId":{"low":')
const HIGH = key(',"high":')
const PEER_TYPE = key('},"peerType":')
const METHOD = key(',"method":')
const URI = key(',"uri":"')
const REMOTE_ADDRESS = key(',"remoteAddress":"')
const USER_AGENT = key(',"userAgent":"')
const STATUS_CODE = key(',"statusCode":')
const CONTENT_LENGTH = key(',"contentLength":')
const APPLICATION_ID = key(',"applicationId":{"low":')
const INSTANCE_INDEX = key(',"instanceIndex":')
const INSTANCE_ID = key(',"instanceId":"')
const FORWARDED = key(',"forwarded":["')

function decodeHttpStartStop(start: number, event: AppEvent): Verdict {
  event.kind = HTTP
  let at = skip(HTTP_START_STOP, start)
  event.timestamp = at = skip(START_TIMESTAMP, at)
  event.timestampEnd = at = timestamp(at)
  const stop = skip(STOP_TIMESTAMP, at)
  at = timestamp(stop)
  event.requestLow = at = skip(REQUEST_ID, at)
  event.requestLowEnd = at = uint64(at)
  event.requestHigh = at = skip(HIGH, at)
  event.requestHighEnd = at = uint64(at)
  at = skip(PEER_TYPE, at)
  event.peerType = digitAt(at)
  at = uint(1, at)
  const method = skip(METHOD, at)
  at = uint(2, method)
  event.method = numberAt(method, at)
  event.uri = at = skip(URI, at)
  at = string(at)
  event.uriEnd = at - 1
  event.remoteAddress = at = skip(REMOTE_ADDRESS, at)
  at = string(at)
  event.remoteAddressEnd = at - 1
  event.userAgent = at = skip(USER_AGENT, at)
  at = string(at)
  event.userAgentEnd = at - 1
  event.statusCode = at = skip(STATUS_CODE, at)
  event.statusCodeEnd = at = uint(9, at)
  event.contentLength = at = skip(CONTENT_LENGTH, at)
  event.contentLengthEnd = at = int(18, at)
  const hasApplicationId = has(APPLICATION_ID, at)
  if (hasApplicationId) {
    at += APPLICATION_ID.length
    event.appId = at - 1
    at = uint64(skip(HIGH, uint64(at)))
    event.appIdEnd = at = byte(CLOSING_BRACE, at)
  }
  event.instance = event.instanceEnd = at
  if (has(INSTANCE_INDEX, at)) at = instanceIndex(at, event)
  at = optionalString(INSTANCE_ID, at)
  if (has(FORWARDED, at)) at = strings(at + FORWARDED.length)
  if (!closes(at)) return UNSURE
  setDuration(stop, event)
  return hasApplicationId ? POINT : NO_APP_GUID
}

const LOG_MESSAGE = key(',"logMessage":{')
const MESSAGE = key('"message":"')
const MESSAGE_TYPE = key('"message_type":')
const APP_ID = key(',"app_id":"')
const SOURCE_TYPE = key(',"source_type":"')
const SOURCE_INSTANCE = key(',"source_instance":"')

function decodeLogMessage(start: number, event: AppEvent): Verdict {
  event.kind = LOG
  let at = skip(LOG_MESSAGE, start)
  event.payloadSize = 0
  event.payloadBytes = bytes
  event.isBase64 = true
  event.payload = event.payloadEnd = at
  if (has(MESSAGE, at)) {
    const payload = at + MESSAGE.length
    event.payload = payload
    at = base64(payload)
    event.payloadEnd = at - 1
    event.payloadSize = base64Size(payload, at - 1)
    at = byte(COMMA, at)
  }
  at = skip(MESSAGE_TYPE, at)
  event.messageType = digitAt(at)
  at = uint(1, at)
  event.timestamp = at = skip(TIMESTAMP, at)
  event.timestampEnd = at = timestamp(at)
  event.appId = event.appIdEnd = at
  if (has(APP_ID, at)) {
    at += APP_ID.length
    event.appId = at - 1
    event.appIdEnd = at = plainString(at)
  }
  const source = skip(SOURCE_TYPE, at)
  event.sourceType = source
  at = plainString(source)
  event.sourceTypeEnd = at - 1
  event.instance = event.instanceEnd = at
  if (has(SOURCE_INSTANCE, at)) {
    at += SOURCE_INSTANCE.length
    event.instance = at
    at = plainString(at)
    event.instanceEnd = at - 1
  }
  if (!closes(at)) return UNSURE
  event.isRouterLog = startsWith('RTR', source)
  if (!event.isRouterLog && !startsWith('APP', source) && !startsWith('App', source)) return DISCARDED
  return event.appIdEnd - event.appId > EMPTY_ID_LENGTH ? POINT : NO_APP_GUID
}

const CONTAINER_METRIC = key(',"containerMetric":{')
const CONTAINER_APPLICATION_ID = key('"applicationId":"')
const CPU_PERCENTAGE = key(',"cpuPercentage":')
const MEMORY_BYTES = key(',"memoryBytes":')
const DISK_BYTES = key(',"diskBytes":')
const MEMORY_BYTES_QUOTA = key(',"memoryBytesQuota":')
const DISK_BYTES_QUOTA = key(',"diskBytesQuota":')

function decodeContainerMetric(start: number, event: AppEvent): Verdict {
  event.kind = CONTAINER
  let at = skip(CONTAINER_METRIC, start)
  at = skip(CONTAINER_APPLICATION_ID, at)
  event.appId = at - 1
  event.appIdEnd = at = plainString(at)
  at = instanceIndex(at, event)
  event.cpu = at = skip(CPU_PERCENTAGE, at)
  event.cpuEnd = at = shortestDecimal(at)
  event.memory = at = skip(MEMORY_BYTES, at)
  event.memoryEnd = at = uint(EXACT_DIGITS, at)
  event.disk = at = skip(DISK_BYTES, at)
  event.diskEnd = at = uint(EXACT_DIGITS, at)
  event.memoryQuota = at = skip(MEMORY_BYTES_QUOTA, at)
  event.memoryQuotaEnd = at = uint(EXACT_DIGITS, at)
  event.diskQuota = at = skip(DISK_BYTES_QUOTA, at)
  event.diskQuotaEnd = at = uint(EXACT_DIGITS, at)
  if (!closes(at)) return UNSURE
  event.memoryBytes = numberAt(event.memory, event.memoryEnd)
  event.diskBytes = numberAt(event.disk, event.diskEnd)
  event.memoryQuotaBytes = numberAt(event.memoryQuota, event.memoryQuotaEnd)
  event.diskQuotaBytes = numberAt(event.diskQuota, event.diskQuotaEnd)
  return event.appIdEnd - event.appId > EMPTY_ID_LENGTH ? POINT : NO_APP_GUID
}

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const CLOSING_BRACKET = 0x5d
const CLOSING_BRACE = 0x7d
/** An id's span has its quotes. */
const EMPTY_ID_LENGTH = 2

function optionalString(key: Key, at: number): number {
  return has(key, at) ? string(at + key.length) : at
}

function instanceIndex(at: number, event: AppEvent): number {
  event.instance = skip(INSTANCE_INDEX, at)
  event.instanceEnd = uint(9, event.instance)
  return event.instanceEnd
}

/** From the event's time to `stop`: both have 19 digits, the last nine of which are nanoseconds. Go divides toward zero: both parts have the sign of the whole. */
export function setDuration(stop: number, event: AppEvent): void {
  let seconds = difference(stop, event.timestamp, 10)
  let nanoseconds = difference(stop + 10, event.timestamp + 10, 9)
  if (nanoseconds < 0 && seconds > 0) {
    seconds--
    nanoseconds += 1e9
  } else if (nanoseconds > 0 && seconds < 0) {
    seconds++
    nanoseconds -= 1e9
  }
  event.durationSeconds = seconds
  event.durationNanoseconds = nanoseconds
}

export function startsWith(text: string, at: number): boolean {
  for (let i = 0; i < text.length; i++) if (view.getUint8(at + i) !== text.charCodeAt(i)) return false
  return true
}

function tags(start: number): number {
  let at = start
  for (;;) {
    at = byte(COLON, string(at))
    at = string(byte(QUOTE, at))
    if (view.getUint8(at) !== COMMA) return byte(CLOSING_BRACE, at)
    at = byte(QUOTE, at + 1)
  }
}

function strings(start: number): number {
  let at = start
  for (;;) {
    at = string(at)
    if (view.getUint8(at) !== COMMA) return byte(CLOSING_BRACKET, at)
    at = byte(QUOTE, at + 1)
  }
}

/** The sub-message and the envelope end here, and so does the message. */
function closes(at: number): boolean {
  return isEnd(byte(CLOSING_BRACE, byte(CLOSING_BRACE, at)))
}
