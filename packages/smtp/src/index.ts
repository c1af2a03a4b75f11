export {
  connectSmtp,
  type OutgoingMail,
  type OutgoingRecipient,
  type RecipientOutcome,
  type SmtpClient,
} from './client/client.ts'
export type { SmtpFailure } from './client/failure.ts'
export {
  defaultClientTimeouts,
  type SmtpClientOptions,
  type SmtpClientTimeouts,
  type SmtpServerAddress,
} from './client/options.ts'
export type { RemoteReply } from './client/reply.ts'
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
