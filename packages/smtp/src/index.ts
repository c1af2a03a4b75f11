export type {
  Answer,
  MailFrom,
  RcptTo,
  SmtpHandler,
  SmtpReply,
  SmtpSession,
  SmtpTransaction,
} from './handler.ts'
export { defaultSmtpOptions, type SmtpOptions, type SmtpServiceName, serviceOptions } from './options.ts'
export {
  createSmtpService,
  type SmtpListen,
  type SmtpListening,
  type SmtpService,
  type SmtpServiceInput,
} from './service.ts'
