import type { ECSClient } from '@aws-sdk/client-ecs';
import type { AwsCall } from '../aws-call.ts';

/** What the parts of this adapter share. */
export interface EcsConnection {
  ecs: ECSClient;
  call: AwsCall;
  cluster: string;
}
