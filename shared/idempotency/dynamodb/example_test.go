package dynamodb_test

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"slb-registrar/shared/idempotency/dynamodb"
)

func ExampleOpen() {
	// In earnest: config.LoadDefaultConfig of aws-sdk-go-v2.
	environment := aws.Config{Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")}

	if _, err := dynamodb.Open("dynamodb://slb-registrar?region=eu-central-1", environment, dynamodb.Options{}); err != nil {
		fmt.Println(err)
	}
	_, err := dynamodb.Open("dynamodb://slb-registrar?endpoint=http://db.example:8000", environment, dynamodb.Options{})
	fmt.Println(err)
	// Output: store URL: endpoint must be https unless it is on this host
}
