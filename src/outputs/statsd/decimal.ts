/** Digits behind the point beyond these say nothing. */
const FRACTION_DIGITS = 20

/** A number as text without an exponent, which not every daemon reads. */
export function decimal(text: string): string {
  if (!/e/i.test(text)) return text
  const number = Number(text)
  if (Math.abs(number) >= 1) return String(BigInt(Math.trunc(number)))
  return number.toFixed(FRACTION_DIGITS).replace(/\.?0+$/, '')
}
