/** Figures as text for people; English, whatever the browser speaks, as everything else on the page is. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })

/** What is shown where a figure is not known. */
export const UNKNOWN = '–'

export const count = (value: number): string => whole.format(value)

/** `9,876`, `12.3K`, `4.56M`: for where there is little room. */
export const shortCount = (value: number): string => (value < 10_000 ? whole : short).format(value)

/** A rate or an average: small ones with a digit or two behind the point, so that little is not nothing. */
export function rate(value: number): string {
  if (Number.isInteger(value) || value >= 9.95) return whole.format(value)
  return value < 0.01 ? '<0.01' : value.toPrecision(value < 1 ? 1 : 2)
}

export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10))
  const scaled = value / 1024 ** power
  return `${power === 0 || scaled >= 99.5 ? whole.format(scaled) : scaled.toPrecision(3)} ${units[power]}`
}

/** 0.5 is `50 %`. Only what is whole is called 0 or 100. */
export function percent(share: number): string {
  if (share > 0 && share < 0.001) return '<0.1 %'
  if (share < 1 && share > 0.999) return '>99.9 %'
  const value = share * 100
  return `${value < 10 && value % 1 !== 0 ? value.toFixed(1) : value > 99 && value < 100 ? value.toFixed(1) : whole.format(value)} %`
}

/** Short times with their digits, long ones in two units: `3.2 ms`, `4 min 5 s`, `12 d 3 h`. */
export function duration(seconds: number): string {
  if (seconds === 0) return '0 s'
  if (seconds < 0.995) return `${(seconds * 1000).toPrecision(seconds < 0.0995 ? 2 : 3)} ms`
  if (seconds < 9.95 && !Number.isInteger(seconds)) return `${seconds.toFixed(1)} s`
  const total = Math.round(seconds)
  if (total < 60) return `${total} s`
  if (total < 3600) return `${Math.floor(total / 60)} min ${total % 60} s`
  if (total < 86_400) return `${Math.floor(total / 3600)} h ${Math.floor((total % 3600) / 60)} min`
  return `${count(Math.floor(total / 86_400))} d ${Math.floor((total % 86_400) / 3600)} h`
}

/** How long before `now` something was, both by the worker's clock. */
export function ago(time: string | null, now: string): string {
  if (time === null) return 'never'
  const seconds = Math.round((Date.parse(now) - Date.parse(time)) / 1000)
  return seconds < 1 ? 'just now' : `${duration(seconds)} ago`
}

/** Of this browser's clock and zone. */
export const clock = (timeMs: number): string => new Date(timeMs).toLocaleTimeString('en', { hourCycle: 'h23' })

export const plural = (value: number, one: string, many = `${one}s`): string => `${count(value)} ${value === 1 ? one : many}`
