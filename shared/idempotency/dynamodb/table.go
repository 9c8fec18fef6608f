package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"slb-registrar/shared/idempotency"
)

// The attributes of the table.
const (
	keyAttribute     = "pk"
	recordAttribute  = "record"
	expiresAttribute = "expires"
)

// table reads and writes texts under names. An empty text is no item.
type table struct {
	client *dynamodb.Client
	name   string
}

// refusal says that an item was not what the writer thought.
type refusal struct {
	says string
	told bool // says is what it is; else it has to be read
}

func (r *refusal) Error() string { return "changed by another" }

func (t table) key(pk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{keyAttribute: &types.AttributeValueMemberS{Value: pk}}
}

func (t table) read(ctx context.Context, pk string) (string, error) {
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &t.name, Key: t.key(pk), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return "", err
	}
	return recordOf(out.Item)
}

// write replaces one text by another.
func (t table) write(ctx context.Context, pk, before, after string, expires idempotency.Moment) error {
	condition := "attribute_not_exists(#pk)"
	names, values := map[string]string{"#pk": keyAttribute}, map[string]types.AttributeValue{}
	if before != "" {
		condition = "#record = :before"
		names = map[string]string{"#record": recordAttribute}
		values[":before"] = &types.AttributeValueMemberS{Value: before}
	}
	var err error
	if after == "" {
		_, err = t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &t.name, Key: t.key(pk), ConditionExpression: &condition,
			ExpressionAttributeNames: names, ExpressionAttributeValues: some(values),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
	} else {
		names["#record"], names["#expires"] = recordAttribute, expiresAttribute
		values[":after"] = &types.AttributeValueMemberS{Value: after}
		// A second more, so that the condition expires first.
		values[":expires"] = &types.AttributeValueMemberN{Value: strconv.FormatInt(expires.Time().Unix()+1, 10)}
		_, err = t.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &t.name, Key: t.key(pk), ConditionExpression: &condition,
			UpdateExpression:         aws.String("SET #record = :after, #expires = :expires"),
			ExpressionAttributeNames: names, ExpressionAttributeValues: values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
	}
	var changed *types.ConditionalCheckFailedException
	if !errors.As(err, &changed) {
		return err
	}
	if len(changed.Item) == 0 {
		// There is none, or this service does not say.
		return &refusal{}
	}
	says, err := recordOf(changed.Item)
	if err != nil {
		return err
	}
	return &refusal{says: says, told: true}
}

// put writes a text, whatever stands there.
func (t table) put(ctx context.Context, pk, text string, expires idempotency.Moment) error {
	_, err := t.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &t.name, Key: t.key(pk),
		UpdateExpression:         aws.String("SET #record = :after, #expires = :expires"),
		ExpressionAttributeNames: map[string]string{"#record": recordAttribute, "#expires": expiresAttribute},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":after":   &types.AttributeValueMemberS{Value: text},
			":expires": &types.AttributeValueMemberN{Value: strconv.FormatInt(expires.Time().Unix(), 10)},
		},
	})
	return err
}

// some is nil for none: the service refuses empty maps.
func some(values map[string]types.AttributeValue) map[string]types.AttributeValue {
	if len(values) == 0 {
		return nil
	}
	return values
}

func recordOf(item map[string]types.AttributeValue) (string, error) {
	if len(item) == 0 {
		return "", nil
	}
	text, ok := item[recordAttribute].(*types.AttributeValueMemberS)
	if !ok || text.Value == "" {
		return "", fmt.Errorf("an item of the table has no attribute %q of type S: is it ours?", recordAttribute)
	}
	return text.Value, nil
}
