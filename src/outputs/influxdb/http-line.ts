import type { App } from '../../cloud-foundry/app.ts'
import type { AppEvent } from '../../cloud-foundry/app-event.ts'
import { METHODS } from '../../cloud-foundry/methods.ts'
import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import { formatFloat } from '../../lib/float.ts'
import { snippet } from '../../lib/words.ts'
import { appendInstanceIndex, LONGEST_FIELD_KEY_BYTES, seriesKeyProblem } from './series-key.ts'

const HTTP_REQUEST = snippet('http_request')
const METHOD_TAGS = METHODS.map((name) => snippet(`,method=${name}`))
const METHOD = snippet(',method=')
const STATUS_CODE = snippet(',status_code=')
const DURATION = snippet(' count=1i,duration=')
const RESPONSE_SIZE = snippet(',response_size=')
const END_OF_FIELDS = snippet('i ')

/** A request, up to its timestamp. Returns why InfluxDB could never take it. */
export function appendHttp(event: AppEvent, app: App, lines: ByteBuffer): string | undefined {
  const { view, method } = event
  const start = lines.length
  lines.appendSnippet(HTTP_REQUEST)
  lines.appendWords(app.words, app.nameAt, app.nameLength)
  appendInstanceIndex(event, lines)
  const methodTag = METHOD_TAGS[method]
  if (methodTag !== undefined) lines.appendSnippet(methodTag)
  else {
    lines.appendSnippet(METHOD)
    lines.appendAscii(String(method))
  }
  lines.appendWords(app.words, app.placeAt, app.placeLength)
  lines.appendSnippet(STATUS_CODE)
  lines.appendSpan(view, event.statusCode, event.statusCodeEnd)
  const problem = seriesKeyProblem(lines.length - start, LONGEST_FIELD_KEY_BYTES.http)
  lines.appendSnippet(DURATION)
  appendDuration(event.durationSeconds, event.durationNanoseconds, lines)
  lines.appendSnippet(RESPONSE_SIZE)
  lines.appendSpan(view, event.contentLength, event.contentLengthEnd)
  lines.appendSnippet(END_OF_FIELDS)
  return problem
}

/**
 * The sum of both parts decides, as the original adds. Where it equals the quotient of the whole, the digits are at hand already:
 * up to 15 of them are always the shortest.
 */
function appendDuration(seconds: number, nanoseconds: number, lines: ByteBuffer): void {
  const sum = seconds + nanoseconds / 1e9
  if (seconds >= 0 && nanoseconds >= 0 && seconds < 1e6 && sum === (seconds * 1e9 + nanoseconds) / 1e9) {
    lines.appendInteger(seconds)
    lines.appendFraction(nanoseconds)
  } else {
    lines.appendAscii(formatFloat(sum))
  }
}
