/** Who may use the deployment's KMS keys. */
export interface KmsPrincipals {
  accountId: string;
  /** ARN of the role that signs in users and issues tokens. */
  dataPlaneRoleArn: string;
  /** ARN of the role that provisions tenants: it tries each new key, and signs the platform's own statements. */
  controlPlaneRoleArn: string;
  /** Default `aws`. */
  partition?: string;
}

/** What the key is for, as far as its policy is concerned. */
export type KeyUse =
  | { kind: 'signing'; signingAlgorithm: string }
  | { kind: 'wrapping'; encryptionContext: Readonly<Record<string, string>> };

/**
 * A key policy that leaves administration to the account's IAM policies, and cryptography to the two roles alone: whatever another principal of
 * the account is allowed by IAM, it cannot sign or decrypt with this key.
 */
export function kmsKeyPolicy(principals: KmsPrincipals, use: KeyUse): string {
  const { accountId, dataPlaneRoleArn, controlPlaneRoleArn, partition = 'aws' } = principals;
  // One process may have both tasks, and one role.
  const planes = [...new Set([dataPlaneRoleArn, controlPlaneRoleArn])];
  const statements =
    use.kind === 'signing'
      ? [
          {
            Sid: 'PlanesSign',
            Effect: 'Allow',
            Principal: { AWS: planes },
            Action: 'kms:Sign',
            Resource: '*',
            Condition: {
              StringEquals: { 'kms:SigningAlgorithm': use.signingAlgorithm, 'kms:MessageType': 'DIGEST' },
            },
          },
        ]
      : [
          {
            Sid: 'PlanesUnwrap',
            Effect: 'Allow',
            Principal: { AWS: planes },
            Action: 'kms:Decrypt',
            Resource: '*',
            Condition: { StringEquals: contextCondition(use.encryptionContext) },
          },
          {
            Sid: 'ControlPlaneGenerates',
            Effect: 'Allow',
            Principal: { AWS: controlPlaneRoleArn },
            Action: ['kms:GenerateDataKeyWithoutPlaintext', 'kms:GenerateDataKeyPairWithoutPlaintext'],
            Resource: '*',
            Condition: { StringEquals: contextCondition(use.encryptionContext) },
          },
        ];
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'AccountAdministers',
        Effect: 'Allow',
        Principal: { AWS: `arn:${partition}:iam::${accountId}:root` },
        Action: administration,
        Resource: '*',
      },
      ...statements,
    ],
  });
}

/** Everything but cryptography. */
const administration = [
  'kms:CancelKeyDeletion',
  'kms:CreateAlias',
  'kms:DeleteAlias',
  'kms:Describe*',
  'kms:Disable*',
  'kms:Enable*',
  'kms:Get*',
  'kms:List*',
  'kms:PutKeyPolicy',
  'kms:ScheduleKeyDeletion',
  'kms:TagResource',
  'kms:UntagResource',
  'kms:Update*',
];

function contextCondition(context: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(context).map(([name, value]) => [`kms:EncryptionContext:${name}`, value]),
  );
}
