// The C0 and C1 controls: U+0000 to U+001F, U+007F to U+009F.
const CONTROLS = /\p{Cc}/gu
const TRAILING_BACKSLASHES = /\\+$/
const SPECIAL = /[,= ]/g
const SPECIAL_AND_BACKSLASHES = /\\(?=[\\,= ])|[,= ]/g

/** How the reader of a line takes a backslash before a comma, a space, an equals sign or a backslash: for itself, or for an escape. */
export type Backslash = 'literal' | 'escape'

/**
 * Makes a tag value harmless: a control character, such as a newline that would end the line, becomes a space, and backslashes
 * at the end, which would escape the delimiter behind them, go. May be empty: then the tag is to be left out.
 */
export function cleanTagValue(value: string): string {
  return value.replace(CONTROLS, ' ').replace(TRAILING_BACKSLASHES, '')
}

/**
 * Escapes a tag value so that what reads it gets it back. `literal` is as the original's InfluxDB client writes: a backslash stays as it is,
 * which InfluxDB 1.x and 2.x read so. For readers that take it for an escape (3.x, VictoriaMetrics) it is doubled where they would.
 */
export function escapeTagValue(value: string, backslash: Backslash = 'literal'): string {
  return value.replace(backslash === 'literal' ? SPECIAL : SPECIAL_AND_BACKSLASHES, '\\$&')
}
