/* hook_samples - a message as Amazon SNS sends it, in both versions of its signature, and the certificate: of keys made for this test. */
#ifndef TESTS_HOOK_SAMPLES_H
#define TESTS_HOOK_SAMPLES_H

static const char sns_certificate[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIDDzCCAfegAwIBAgIUKVlH3nwl73Bx8b9NOwqcChZ5xN4wDQYJKoZIhvcNAQEL\n"
	"BQAwFjEUMBIGA1UEAwwLc25zLmV4YW1wbGUwIBcNMjYxMTI4MjI0ODUyWhgPMjEy\n"
	"NjExMDQyMjQ4NTJaMBYxFDASBgNVBAMMC3Nucy5leGFtcGxlMIIBIjANBgkqhkiG\n"
	"9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1Wfys/Nuq/mLngtPHCdNDTnkRPQme2z56I+7\n"
	"a4PB27KcAcYyD9/Hzy1uMYoBFFOKnVF3RPBm6rH8cOb5yvboLqY9siaoMecf4cwP\n"
	"dSlxPiMzGzU3Yv66r4IY4rs7PKE8mIc9LeiPR1ewEcvhIW4AMJUDpgr2x4w5Sqnk\n"
	"9ndiyGj/hsnd0CGWGr53A3/28nsQkAoxKmNHkjd7BTL+0p5n54rPpi6hMh0PUhTe\n"
	"QEPzx0RvzqTdtU3zXGghonxqDLxUniN+gNEUldqyNpXpnhs8obyj6vlQSDmwqoB1\n"
	"dlJrREaDihVDGGbe3s5xX/pasa0jY0Ht5R7ikOF1lDjd3n6OfQIDAQABo1MwUTAd\n"
	"BgNVHQ4EFgQUulYaSDPGzaAzPuNCUQK9jw4m6UowHwYDVR0jBBgwFoAUulYaSDPG\n"
	"zaAzPuNCUQK9jw4m6UowDwYDVR0TAQH/BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOC\n"
	"AQEAQuIpsD+RtY84ordlkifol1DE4Sg3Js99lBPfxYFlpS/V6obzELN1Ec+/QBcr\n"
	"I+44xrcaRIwlAc7L0s3c5BJ1bUFAfoZaPgpl3o/UDjs+b4YSG4BVIXg8NzOssA96\n"
	"IGtLFR8S5a/CBZYPMW2hndOiuCLCWIMEA7q89jq00JG4vhJZUqnM8E6T+xaHjtcI\n"
	"XMdhF0mKb6oKzHftwQK6Q5NxtjHbXS60u1vedVJI99g4tVxAuFRH/dX2ykbQNJc0\n"
	"LFI3hWCwD71ChUhor2CmXOAjMZcZ9NucnoTM0xdBzeTVKQfBLv1OIn8An7Mv8weZ\n"
	"j7kn1TMuxRrSWLy1w4Y3KUgD1A==\n"
	"-----END CERTIFICATE-----\n";
static const char sns_v1[] =
	"{\"Type\":\"Notification\",\"MessageId\":\"m-1\",\"TopicArn\":\"arn:aws:sns:eu-west-1:1:ours\",\"Message\":\"{"
	"\\\"eventType\\\":\\\"Bounce\\\",\\\"bounce\\\":{\\\"bounceType\\\":\\\"Permanent\\\",\\\"bouncedRecipients\\\""
	":[{\\\"emailAddress\\\":\\\"ann@example.com\\\"}]},\\\"mail\\\":{\\\"messageId\\\":\\\"ses-1\\\",\\\"tags\\\":"
	"{\\\"attempt\\\":[\\\"01JX9000000000000000000042\\\"]}}}\",\"Timestamp\":\"2026-01-01T00:00:00.000Z\",\"Signat"
	"ureVersion\":\"1\",\"Signature\":\"099+RapdqMh2ohuzjVjfQd9cs3PjfG5CDJGEqCbcq7FKMhgavrb3SKA0AZG2xSrf9g7pTHOZ+5R"
	"rG1vfIC3WoTmlzq1nmz73qYnW1mt0dzdADqMMT5bVJNBmwNQtTICVdJfXOBETgwapMSiS+/oUnX80Ec6WPhJVHvj0IdJXyVqLsCXiFwpR3q6Oi"
	"IoWXVDbGV79bkED9qsaWegl7JmGYmyc55vbpNW1bs2THOw29pMvTc5/DmnjA/G8Q7VRB6gfEVNur4yLcUxzlSnsuJOjAGtvGck4TBUvHURACyk"
	"0/xkJl8kG3Ge3MDVkdb0zqO+VOwKuLNGKS3yOBuNWoloqig==\"}";
static const char sns_v2[] =
	"{\"Type\":\"Notification\",\"MessageId\":\"m-1\",\"TopicArn\":\"arn:aws:sns:eu-west-1:1:ours\",\"Message\":\"{"
	"\\\"eventType\\\":\\\"Bounce\\\",\\\"bounce\\\":{\\\"bounceType\\\":\\\"Permanent\\\",\\\"bouncedRecipients\\\""
	":[{\\\"emailAddress\\\":\\\"ann@example.com\\\"}]},\\\"mail\\\":{\\\"messageId\\\":\\\"ses-1\\\",\\\"tags\\\":"
	"{\\\"attempt\\\":[\\\"01JX9000000000000000000042\\\"]}}}\",\"Timestamp\":\"2026-01-01T00:00:00.000Z\",\"Signat"
	"ureVersion\":\"2\",\"Signature\":\"ystLVRFJDOmC9sBIK02PgbouMAPaWphGZwPYzfBOVOBMPqkjjpNPU44Q4KHjk8oDESd0+KPEUCw"
	"slP6FFrJ7BPOl1q+iIC74jypsm2AoOp+pEhgQPTjNdFuxgnPDHxqDQSK7JsxIUWB1UrTvxuiUgLafjEAwkLsL+/Smk4Zu+iVK3TJAM3qmxaPKl"
	"xUS+m1uXJPUMC/ULQweVA8niGlLvcNLNvj3eFjxTaJ/RrVF1w9if/fVxbWFPkcNNWbLxaIpcCfLeMYBfKuU3WPq0ZOmStF4dof1iZSnyKlQqjI"
	"c0i1ahgx8i0icPjbJ4P7ioVK8ZfRyBkOIE8Na7kJHs+8Ivw==\"}";

#endif
