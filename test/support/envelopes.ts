/** One line of an app's log as sonde-go writes it, of `size` bytes at least; each number has a timestamp, and so a point, of its own. */
export function logEnvelope(appGuid: string, number: number, size = 0): string {
  const timestamp = 1_700_000_000_000_000_000n + BigInt(number) * 1_000_000n
  const message = Buffer.from(`line ${number}`.padEnd(size)).toString('base64')
  const log = `{"message":"${message}","message_type":1,"timestamp":${timestamp},"app_id":"${appGuid}","source_type":"APP/PROC/WEB","source_instance":"0"}`
  return `{"origin":"rep","eventType":5,"timestamp":${timestamp},"logMessage":${log}}`
}

/** Those of the numbers from `from` to below `to`. */
export function logEnvelopes(appGuid: string, from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => logEnvelope(appGuid, from + index))
}
