/** The client's command breaks the grammar: BAD, with `message` as its text. Never quotes the client's octets. */
export class SyntaxFault extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'SyntaxFault'
  }
}
