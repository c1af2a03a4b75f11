/** POP3 server: RFC 1939 with CAPA, STLS, AUTH, UTF8. */
export { createPop3Service, type Pop3Parts, type Pop3Service, pop3Refusal } from './server.ts'
export { defaultPop3Options, type Pop3Options } from './session/options.ts'
export { compileUidlFormat } from './wire/uidl.ts'
