package runtimeapi

import (
	"debug/buildinfo"
	"fmt"
)

// Detect says for which platform a Go binary was built, from the runtime
// module that it was linked with. The module list survives -trimpath and
// stripping, so this works on what is deployed.
func Detect(binary string) (Platform, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return "", fmt.Errorf("function binary: %w", err)
	}
	for _, module := range info.Deps {
		switch module.Path {
		case "github.com/aliyun/fc-runtime-go-sdk":
			return FC, nil
		case "github.com/aws/aws-lambda-go":
			return Lambda, nil
		}
	}
	return "", fmt.Errorf("function binary: %s links neither fc-runtime-go-sdk nor aws-lambda-go: name the platform", binary)
}
