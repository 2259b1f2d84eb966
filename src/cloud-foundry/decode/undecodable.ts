/**
 * Thrown where a message is no envelope. The text says where and why, for the log; of the content it shows a byte or a field's
 * name. Not an Error: nobody looks at its stack, whose making costs more than reading the message, and broken messages come in floods.
 */
export class Undecodable {
  readonly message: string

  constructor(message: string) {
    this.message = message
  }
}
