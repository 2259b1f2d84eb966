// The C0 and C1 controls: U+0000 to U+001F, U+007F to U+009F.
const CONTROLS = /\p{Cc}/gu
const TRAILING_BACKSLASHES = /\\+$/
const SPECIAL = /[,= ]/g

/**
 * Makes a tag value harmless: a control character, such as a newline that would end the line, becomes a space, and backslashes
 * at the end, which would escape the delimiter behind them, go. May be empty: then the tag is to be left out.
 */
export function cleanTagValue(value: string): string {
  return value.replace(CONTROLS, ' ').replace(TRAILING_BACKSLASHES, '')
}

/** Escapes as the original's InfluxDB client does: a backslash stays as it is. */
export function escapeTagValue(value: string): string {
  return value.replace(SPECIAL, '\\$&')
}
