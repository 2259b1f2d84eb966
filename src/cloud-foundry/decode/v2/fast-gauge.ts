import { type AppEvent, CONTAINER, DISCARDED, NO_APP_GUID, POINT, UNSURE, USAGE, USAGE_METRICS, type Verdict } from '../../app-event.ts'
import { EXACT_DIGITS, numberAt, shortestDecimal, uint } from '../json-number.ts'
import { byte, has, key, NOWHERE, plainString, skip, string, view } from '../json-text.ts'
import { hasAppId, isIndex } from './fast-owner.ts'
import { afterComma, closingBrace, hasWord, isComma, word } from './fast-text.ts'

const QUOTE = 0x22
const MINUS = 0x2d
const COLON = 0x3a
const CLOSING_BRACE = 0x7d

const CPU = word('"cpu":{')
const DISK = word('"disk":{')
const DISK_QUOTA = key('"disk_quota":{')
const MEMORY = key('"memory":{')
const MEMORY_QUOTA = key('"memory_quota":{')
const INSTANCE_INDEX = key('"instance_index":')
const FURTHER = USAGE_METRICS.map((name) => key(`"${name}":{`))

const HAS_CPU = 1
const HAS_DISK = 2
const HAS_DISK_QUOTA = 4
const HAS_MEMORY = 8
const HAS_MEMORY_QUOTA = 16
const HAS_FIVE = 31
const HAS_FURTHER = 32
/** Which of the metrics the newest gauge has. */
let metricsSeen = 0

/** From a gauge's first metric to behind its brace. */
export function gauge(start: number, event: AppEvent): number {
  event.kind = CONTAINER
  return closingBrace(metrics(start, event))
}

export function settleGauge(event: AppEvent): Verdict {
  if ((metricsSeen & HAS_FIVE) !== HAS_FIVE) {
    if ((metricsSeen & HAS_FURTHER) === 0) return DISCARDED
    event.kind = USAGE
  }
  if (!hasAppId(event)) return NO_APP_GUID
  return isIndex(event) ? POINT : UNSURE
}

/** From the first metric to behind the object's brace. */
function metrics(start: number, event: AppEvent): number {
  metricsSeen = 0
  if (view.getUint8(start) === CLOSING_BRACE) return start + 1
  let at = start
  for (;;) {
    at = metric(at, event)
    if (!isComma(at)) return closingBrace(at)
    at = afterComma(at)
  }
}

const LETTER_A = 0x61
const LETTER_C = 0x63
const LETTER_D = 0x64
const LETTER_I = 0x69
const LETTER_L = 0x6c
const LETTER_M = 0x6d

function metric(at: number, event: AppEvent): number {
  switch (view.getUint8(at + 1)) {
    case LETTER_C:
      if (hasWord(CPU, at)) return cpu(at + CPU.length, event)
      return further(at, event)
    case LETTER_D:
      if (hasWord(DISK, at)) return disk(at + DISK.length, event)
      if (has(DISK_QUOTA, at)) return diskQuota(at + DISK_QUOTA.length, event)
      break
    case LETTER_M:
      if (has(MEMORY, at)) return memory(at + MEMORY.length, event)
      if (has(MEMORY_QUOTA, at)) return memoryQuota(at + MEMORY_QUOTA.length, event)
      break
    case LETTER_A:
    case LETTER_L:
      return further(at, event)
    case LETTER_I:
      if (has(INSTANCE_INDEX, at)) return NOWHERE
      break
  }
  return other(at)
}

const OPENING_BRACE = 0x7b

function other(at: number): number {
  const value = valueAt(byte(OPENING_BRACE, byte(COLON, plainString(byte(QUOTE, at)))))
  return closingBrace(decimal(value))
}

const UNIT = word('"unit":"')
const VALUE = word('"value":')

/** From a metric's first key to its value. */
function valueAt(start: number): number {
  const at = hasWord(UNIT, start) ? afterComma(string(start + UNIT.length)) : start
  return hasWord(VALUE, at) ? at + VALUE.length : NOWHERE
}

function decimal(at: number): number {
  return view.getUint8(at) === MINUS ? shortestDecimal(at + 1) : shortestDecimal(at)
}

function cpu(start: number, event: AppEvent): number {
  event.cpu = valueAt(start)
  const end = decimal(event.cpu)
  event.cpuEnd = end
  metricsSeen |= HAS_CPU
  return closingBrace(end)
}

function disk(start: number, event: AppEvent): number {
  event.disk = valueAt(start)
  const end = uint(EXACT_DIGITS, event.disk)
  event.diskEnd = end
  event.diskBytes = numberAt(event.disk, end)
  metricsSeen |= HAS_DISK
  return closingBrace(end)
}

function diskQuota(start: number, event: AppEvent): number {
  event.diskQuota = valueAt(start)
  const end = uint(EXACT_DIGITS, event.diskQuota)
  event.diskQuotaEnd = end
  event.diskQuotaBytes = numberAt(event.diskQuota, end)
  metricsSeen |= HAS_DISK_QUOTA
  return closingBrace(end)
}

function memory(start: number, event: AppEvent): number {
  event.memory = valueAt(start)
  const end = uint(EXACT_DIGITS, event.memory)
  event.memoryEnd = end
  event.memoryBytes = numberAt(event.memory, end)
  metricsSeen |= HAS_MEMORY
  return closingBrace(end)
}

function memoryQuota(start: number, event: AppEvent): number {
  event.memoryQuota = valueAt(start)
  const end = uint(EXACT_DIGITS, event.memoryQuota)
  event.memoryQuotaEnd = end
  event.memoryQuotaBytes = numberAt(event.memoryQuota, end)
  metricsSeen |= HAS_MEMORY_QUOTA
  return closingBrace(end)
}

function further(at: number, event: AppEvent): number {
  const { usage } = event
  if ((metricsSeen & HAS_FURTHER) === 0) usage.fill(0)
  for (let i = 0; i < FURTHER.length; i++) {
    const name = FURTHER[i] as (typeof FURTHER)[number]
    if (!has(name, at)) continue
    const start = valueAt(skip(name, at))
    const end = decimal(start)
    usage[2 * i] = start
    usage[2 * i + 1] = end
    metricsSeen |= HAS_FURTHER
    return closingBrace(end)
  }
  return other(at)
}
