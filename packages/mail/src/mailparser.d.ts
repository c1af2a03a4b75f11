/** What tests compare with; the package brings no types. */
declare module 'mailparser' {
  interface ParsedAddresses {
    readonly value: readonly { readonly name: string; readonly address?: string }[]
  }
  interface ParsedMail {
    readonly subject?: string
    readonly date?: Date
    readonly from?: ParsedAddresses
    readonly to?: ParsedAddresses | readonly ParsedAddresses[]
    readonly text?: string
    readonly attachments: readonly { readonly content: Buffer }[]
  }
  export const simpleParser: (message: Buffer) => Promise<ParsedMail>
}
